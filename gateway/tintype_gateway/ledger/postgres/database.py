"""The way to the server: gives up in time, and asks again where the answer was lost.

Each operation is one statement, and so one transaction and one round trip. When a connection
breaks before the answer has come, nobody knows whether the server did what it was asked. Every
statement of the ledger may therefore be sent again as it is: it carries the id of its call, and
the server finds what it did for that call before.
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
"""Of one process. One account's operations come one after another anyway."""

PAUSE_SECONDS = 0.1
"""Between two attempts: a server that restarts refuses connections at once."""

AUDIT_SECONDS = 600
"""How long each query of an audit may take."""

LOST = (
    OSError,
    asyncpg.InterfaceError,  # the connection has broken before
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
"""Troubles that may be over a moment later."""


class Database:
    """The connections of one process. They are made when they are needed, in a running loop."""

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
        """Return what a statement returns. It goes on if the caller is cancelled.

        Raises:
            LedgerUnavailableError: there was no answer in time, or none of use.
        """
        self.require_open()
        return await asyncio.shield(self.start(statement, *arguments))

    def start(self, statement: str, *arguments: object) -> "asyncio.Task[list[Record]]":
        """Run a statement beside the caller; `close` waits for it."""
        task = asyncio.create_task(self._persist(statement, arguments))
        self._running.add(task)
        task.add_done_callback(self._finish)
        return task

    @contextlib.asynccontextmanager
    async def snapshot(self) -> "AsyncIterator[Connection[Record]]":
        """Read the database as of one moment, beside everything else and with much more time.

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
            why = self._told(error) or "it does not answer"
            raise LedgerUnavailableError(f"the database cannot be used: {why}") from error

    async def close(self) -> None:
        """Finish what was asked for, and disconnect."""
        self._closed = True
        while self._running:
            await asyncio.wait(self._running)
        if self._pool is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timeout_seconds):
                    await self._pool.close()  # which cuts the connections if it is cancelled

    async def _persist(self, statement: str, arguments: Sequence[object]) -> list[Record]:
        """Try until there is an answer, or the time is up."""
        lost: Exception | None = None
        try:
            async with asyncio.timeout(self._timeout_seconds):
                while True:
                    try:
                        return await self._attempt(statement, arguments)
                    except ValueError:
                        raise  # some of asyncpg's interface errors are mistakes of ours
                    except LOST as error:
                        lost = error
                        await asyncio.sleep(PAUSE_SECONDS)
        except TimeoutError as error:
            why = f": {self._told(lost)}" if lost else ""
            raise LedgerUnavailableError(
                f"the database gave no answer in {self._timeout_seconds:g} seconds{why}"
            ) from error
        except pg.DataError as error:
            raise ValueError(f"the database cannot keep this: {error}") from error
        except pg.IntegrityConstraintViolationError:
            raise
        except asyncpg.PostgresError as error:
            raise LedgerUnavailableError(
                f"the database cannot be used: {self._told(error)}"
            ) from error

    async def _attempt(self, statement: str, arguments: Sequence[object]) -> list[Record]:
        pool = await self._opened()
        connection = await pool.acquire()
        try:
            return await connection.fetch(statement, *arguments)
        except asyncpg.PostgresError:
            raise  # an answer
        except BaseException:
            connection.terminate()  # of no more use, in the middle of a conversation
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
                # The server does not finish what nobody waits for any more.
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

    def _told(self, error: Exception) -> str:
        return without_secrets(str(error), self._url)

    def _finish(self, task: "asyncio.Task[list[Record]]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # nobody else may ask for it, if the caller has gone


async def _keep_session(_: object) -> None:
    """Reset nothing when a connection goes back to the pool, which saves a round trip."""
