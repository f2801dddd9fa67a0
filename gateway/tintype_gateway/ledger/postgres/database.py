"""The connections to the server, with timeouts and retries.

Each operation of a request is one statement, and so one transaction and one round trip; those that
change accounts, keys and grants, which are rare, are transactions of several. If a connection
breaks before the response, it is unknown whether the server committed. Every operation can
therefore be made again: it carries the id of its call, and finds the earlier result of that call.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

import asyncpg
from asyncpg import Connection, Record
from asyncpg import exceptions as pg

from tintype_gateway.ledger.errors import LedgerError, LedgerUnavailableError
from tintype_gateway.ledger.postgres import schema
from tintype_gateway.ledger.postgres.connecting import check_url, connect, without_credentials

MAXIMUM_CONNECTIONS = 10
"""The most connections of one process. The operations of one account run one after another."""

IDLE_SECONDS = 300.0
"""How long a connection is kept that is not needed."""

PAUSE_SECONDS = 0.1
"""The pause between two attempts: a server that restarts refuses connections at once."""

AUDIT_SECONDS = 600
"""The time limit of each query of an audit."""

LIMIT_IDLENESS = "SELECT set_config('idle_in_transaction_session_timeout', $1, true)"

T = TypeVar("T")

Work = Callable[["Connection[Record]"], Awaitable[T]]
"""What an operation asks the server on one connection."""

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
    pg.IdleInTransactionSessionTimeoutError,
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
        self._free = asyncio.Semaphore(MAXIMUM_CONNECTIONS)
        self._idle: list[tuple[Connection[Record], float]] = []
        """Open connections, and since when they are not in use; the newest last."""

        self._admitted = False
        self._closed = False
        self._running: set[asyncio.Task[Any]] = set()

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
        return self.run(lambda connection: connection.fetch(statement, *arguments))

    def run(self, work: "Work[T]") -> "asyncio.Task[T]":
        """Do some work in a task, again if the connection breaks; `close` waits for it."""
        task = asyncio.create_task(self._persist(work))
        self._running.add(task)
        task.add_done_callback(self._finish)
        return task

    async def transact(self, work: "Work[T]") -> T:
        """Return the result of some statements in one transaction.

        It continues if the caller is cancelled, as `fetch` does, and is made again from its
        beginning if the connection breaks: `work` must find what an earlier attempt of it has
        committed. If this process is suspended, the server ends the transaction, because others
        wait for its locks.

        Raises:
            LedgerUnavailableError: there was no usable response in time.
        """
        self.require_open()
        idle_milliseconds = str(round(self._timeout_seconds * 1000))

        async def attempt(connection: "Connection[Record]") -> T:
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.execute(LIMIT_IDLENESS, idle_milliseconds)
                result = await work(connection)
            except (asyncpg.PostgresError, LedgerError):
                await transaction.rollback()
                raise
            # After any other error the connection is closed. A rollback then would fail, and its
            # error would take the place of a cancellation by the time limit.
            await transaction.commit()
            return result

        return await asyncio.shield(self.run(attempt))

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

    async def connected(self) -> "Connection[Record]":
        """Return a connection for the caller alone, who closes it.

        Raises:
            LedgerUnavailableError: this object is closed, or the database has another schema.
        """
        self.require_open()
        async with asyncio.timeout(self._timeout_seconds):
            return await self._connect(self._timeout_seconds)

    async def close(self) -> None:
        """Finish pending statements, and disconnect."""
        self._closed = True
        while self._running:
            await asyncio.wait(self._running)
        for connection, _ in self._idle:
            with contextlib.suppress(TimeoutError, *LOST):
                await connection.close(timeout=self._timeout_seconds)

    async def _persist(self, work: "Work[T]") -> T:
        """Try until there is a response, or the time is over."""
        lost: Exception | None = None
        try:
            async with asyncio.timeout(self._timeout_seconds):
                while True:
                    try:
                        return await self._attempt(work)
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

    async def _attempt(self, work: "Work[T]") -> T:
        async with self._free:
            connection = await self._acquired()
            try:
                return await work(connection)
            except (asyncpg.PostgresError, LedgerError):
                raise  # a response, or what `work` makes of one
            except BaseException:
                connection.terminate()  # unusable in the middle of a conversation
                raise
            finally:
                self._release(connection)

    async def _acquired(self) -> "Connection[Record]":
        """Return the connection that was used last, so that others become old, or a new one."""
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await self._connect(self._timeout_seconds)

    def _release(self, connection: "Connection[Record]") -> None:
        """Keep a connection for the next operation, and close one that no one needs."""
        now = time.monotonic()
        if not connection.is_closed():
            self._idle.append((connection, now))
        if self._idle and self._idle[0][1] < now - IDLE_SECONDS:
            unused, _ = self._idle.pop(0)
            unused.terminate()

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
        return without_credentials(str(error), self._url)

    def _finish(self, task: "asyncio.Task[Any]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # retrieves the exception if the caller has stopped waiting
