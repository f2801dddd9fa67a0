"""The databases under the ledger, as their neighbors, operators and enemies see them."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Any, ClassVar

import asyncpg
from typing_extensions import override

from tintype_gateway.ledger import Ledger, open_ledger
from tintype_testing.ledgers import connect
from tintype_testing.postgres import PostgresServer
from tintype_testing.waiting import eventually_equal


class Store(ABC):
    """One database, with a ledger in it or room for one."""

    url: str

    refusal: ClassVar[type[Exception]]
    """What it raises when a statement goes against its rules."""

    new_posting_id: ClassVar[str]
    """The id of a posting that is not there yet, in SQL."""

    def open(
        self, clock: Callable[[], float] | None = None, *, busy_timeout_seconds: float = 60
    ) -> Ledger:
        """Open the ledger in it, by default one that no busy machine is too slow for."""
        return open_ledger(self.url, clock=clock, busy_timeout_seconds=busy_timeout_seconds)

    settled: ClassVar[str]
    """What makes a hold a settled one, in SQL."""

    released: ClassVar[str]
    """What makes a hold a released one, in SQL."""

    reopened: ClassVar[str]
    """What makes a hold an open one again, in SQL."""

    patience_seconds: ClassVar[float]
    """How long a ledger waits that is to find the database unavailable. On a busy machine that may
    be too short for an operation that would succeed."""

    @abstractmethod
    async def execute(self, script: str) -> None:
        """Run statements beside the ledger."""

    @abstractmethod
    async def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Read beside the ledger."""

    @abstractmethod
    def locked(self) -> AbstractAsyncContextManager[None]:
        """Keep everyone else from changing anything."""

    @abstractmethod
    async def nobody_waits(self) -> None:
        """Return once no statement waits for the lock any more."""

    @abstractmethod
    async def stored(self) -> bytes:
        """Return all that is on the disk."""


class SqliteStore(Store):
    """A file, which is made when a ledger is first opened in it."""

    refusal = sqlite3.IntegrityError
    new_posting_id = "99"
    settled = "state = 'settled', closed_at = 0"
    released = "state = 'released', release_reason = 'tampering', closed_at = 0"
    reopened = "state = 'open', closed_at = NULL"
    patience_seconds = 0.02

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    @override
    async def execute(self, script: str) -> None:
        with closing(connect(self.path)) as connection:
            connection.executescript(script)

    @override
    async def query(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(connect(self.path)) as connection:
            return connection.execute(statement).fetchall()

    @override
    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        with closing(connect(self.path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield

    @override
    async def nobody_waits(self) -> None:
        """Return at once: those who wait are in this process."""

    @override
    async def stored(self) -> bytes:
        return b"".join(file.read_bytes() for file in self.path.parent.iterdir())


class PostgresStore(Store):
    """A database of a server that others use too."""

    refusal = asyncpg.IntegrityConstraintViolationError
    new_posting_id = "'00000000-0000-0000-0000-000000000099'"
    settled = f"state = 'settled', closed_at = now(), closed_by = {new_posting_id}"
    released = (
        "state = 'released', release_reason = 'tampering', closed_at = now(),"
        f" closed_by = {new_posting_id}"
    )
    reopened = "state = 'open', closed_at = NULL, closed_by = NULL"
    patience_seconds = 0.4

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.server = server
        self.name = name
        self.url = server.url(name)

    @override
    async def execute(self, script: str) -> None:
        async with self._connected() as connection:
            await connection.execute(script)

    @override
    async def query(self, statement: str) -> list[tuple[Any, ...]]:
        async with self._connected() as connection:
            return [tuple(row) for row in await connection.fetch(statement)]

    @override
    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        async with self._connected() as connection, connection.transaction():
            await connection.execute("LOCK TABLE account, api_key, hold IN EXCLUSIVE MODE")
            yield

    @override
    async def nobody_waits(self) -> None:
        """Return once the server has cancelled what its callers do not wait for any more."""
        waiting = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        await eventually_equal(lambda: self.query(waiting), [(0,)])

    @override
    async def stored(self) -> bytes:
        async with self._connected() as connection:
            await connection.execute("CHECKPOINT")
            number = await connection.fetchval(
                "SELECT oid FROM pg_database WHERE datname = $1", self.name
            )
        files: Sequence[Path] = list((self.server.data / "base" / str(number)).iterdir())
        return b"".join(file.read_bytes() for file in files)

    @asynccontextmanager
    async def _connected(self) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
        connection = await asyncpg.connect(self.url)
        try:
            yield connection
        finally:
            await connection.close()
