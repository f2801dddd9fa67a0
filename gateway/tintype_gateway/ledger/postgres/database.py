"""The connections to the server, with timeouts and retries.

Each operation is one statement, and so one transaction and one round trip. If a connection breaks
before the response, it is unknown whether the server ran the statement. Every statement of the
ledger can therefore be sent again: it carries the id of its call, and the server returns the
earlier result of that call.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import asyncpg
from asyncpg import Connection, Pool, Record
from asyncpg import exceptions as pg

from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.postgres import schema
from tintype_gateway.ledger.postgres.connecting import check_url, connect, without_secrets

MAXIMUM_CONNECTIONS = 10
"""The most connections of one process. The operations of one account run one after another."""

PAUSE_SECONDS = 0.1
"""The pause between two attempts: a server that restarts refuses connections at once."""

AUDIT_SECONDS = 600
"""The time limit of each query of an audit."""

LOST = (
    OSError,
    asyncpg.InterfaceError,  # the connection broke before
    # ... and asyncpg has not yet noticed, or there is no primary where the URL asks for one
    pg.InternalClientError,
    pg.PostgresConnectionError,
    pg.AdminShutdownError,
    pg.CrashShutdownError,
    pg.CannotConnectNowError,
    pg.TooManyConnectionsError,
    pg.DeadlockDetectedError,
    pg.ReadOnlySQLTransactionError,  # a standby, until it takes over
)
"""Errors that may be over a moment later."""


class Database:
    """The connections of one process, which are opened when needed, in a running event loop."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        check_url(url)
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._pool: Pool[Record] | None = None
        self._admitted = False
        self._closed = False
        self._running: set[asyncio.Task[list[Record]]] = set()

    def require_open(self) -> None:
        """Raise `LedgerUnavailableError` once `close` was called."""
        if self._closed:
            raise LedgerUnavailableError("the ledger is closed")

    async def fetch(self, statement: str, *arguments: object) -> Sequence[Record]:
        """Return the result of a statement, which continues if the caller is cancelled.

        Raises:
            LedgerUnavailableError: there was no usable response in time.
        """
        self.require_open()
        return await asyncio.shield(self.start(statement, *arguments))

    def start(self, statement: str, *arguments: object) -> "asyncio.Task[list[Record]]":
        """Run a statement in a task of its own; `close` waits for it."""
        task = asyncio.create_task(self._persist(statement, arguments))
        self._running.add(task)
        task.add_done_callback(self._finish)
        return task

    @contextlib.asynccontextmanager
    async def snapshot(self) -> "AsyncIterator[Connection[Record]]":
        """Read a snapshot of the database, with a longer time limit than other operations.

        Raises:
            LedgerUnavailableError: the server cannot be used.
        """
        self.require_open()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                connection = await self._connect(AUDIT_SECONDS)
            try:
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    yield connection
            finally:
                connection.terminate()
        except (asyncpg.PostgresError, *LOST) as error:
            why = self._redacted(error) or "it does not respond"
            raise LedgerUnavailableError(f"the database cannot be used: {why}") from error

    async def close(self) -> None:
        """Finish pending statements, and disconnect."""
        self._closed = True
        while self._running:
            await asyncio.wait(self._running)
        if self._pool is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timeout_seconds):
                    await self._pool.close()  # aborts the connections if it is cancelled

    async def _persist(self, statement: str, arguments: Sequence[object]) -> list[Record]:
        """Try until there is a response, or the time is over."""
        lost: Exception | None = None
        try:
            async with asyncio.timeout(self._timeout_seconds):
                while True:
                    try:
                        return await self._attempt(statement, arguments)
                    except ValueError:
                        raise  # some of asyncpg's interface errors are defects of the gateway
                    except LOST as error:
                        lost = error
                        await asyncio.sleep(PAUSE_SECONDS)
        except TimeoutError as error:
            why = f": {self._redacted(lost)}" if lost else ""
            raise LedgerUnavailableError(
                f"the database gave no response in {self._timeout_seconds:g} seconds{why}"
            ) from error
        except pg.DataError as error:
            raise ValueError(f"the database cannot keep this: {error}") from error
        except pg.IntegrityConstraintViolationError:
            raise
        except asyncpg.PostgresError as error:
            raise LedgerUnavailableError(
                f"the database cannot be used: {self._redacted(error)}"
            ) from error

    async def _attempt(self, statement: str, arguments: Sequence[object]) -> list[Record]:
        pool = await self._opened()
        connection = await pool.acquire()
        try:
            return await connection.fetch(statement, *arguments)
        except asyncpg.PostgresError:
            raise  # a response
        except BaseException:
            connection.terminate()  # unusable in the middle of a conversation
            raise
        finally:
            await pool.release(connection)

    async def _opened(self) -> "Pool[Record]":
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                min_size=0,
                max_size=MAXIMUM_CONNECTIONS,
                connect=lambda *_, **__: self._connect(self._timeout_seconds),
                reset=_keep_session,
            )
        return self._pool

    async def _connect(self, statement_seconds: float) -> "Connection[Record]":
        connection = await connect(
            self._url,
            server_settings={
                "application_name": "tintype",
                "default_transaction_isolation": "read committed",
                # Cancels the statement on the server if the caller has stopped waiting.
                "statement_timeout": str(round(statement_seconds * 1000)),
            },
        )
        try:
            if not self._admitted:
                await schema.require(connection)
                self._admitted = True
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _redacted(self, error: Exception) -> str:
        return without_secrets(str(error), self._url)

    def _finish(self, task: "asyncio.Task[list[Record]]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # retrieves the exception if the caller has stopped waiting


async def _keep_session(_: object) -> None:
    """Skip the reset when a connection returns to the pool, which saves a round trip."""
