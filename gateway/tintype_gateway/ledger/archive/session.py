"""A connection of one archive run to the database of either engine.

Both engines take the same statements, with the parameters `$1`, `$2` and so on; what differs
between them is here.
"""

import contextlib
import sqlite3
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
from typing_extensions import override

from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.factory import is_postgres, path_of
from tintype_gateway.ledger.postgres import schema
from tintype_gateway.ledger.postgres.connecting import check_url, without_credentials
from tintype_gateway.ledger.postgres.connecting import connect as connect_to_postgres
from tintype_gateway.ledger.sqlite.database import connect as connect_to_sqlite
from tintype_gateway.ledger.sqlite.database import ensure_exists

if TYPE_CHECKING:
    from asyncpg import Connection, Record

Row = Mapping[str, Any]

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 600
BUSY_SECONDS = 30
"""How long a transaction waits for those of the gateways."""


class Session(ABC):
    """Statements on the ledger, each a transaction of its own outside of `transaction`."""

    before_all: object
    """An id before that of any posting."""

    @abstractmethod
    async def fetch(self, statement: str, *arguments: object) -> Sequence[Row]:
        """Run a statement, and return its rows."""

    @abstractmethod
    async def run_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement that returns nothing with each of these arguments, in one round trip."""

    @abstractmethod
    def transaction(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Commit the statements inside together, or none of them."""

    @abstractmethod
    def stored(self, moment: datetime) -> object:
        """Return a time as the engine stores it."""

    @abstractmethod
    async def new_posting_id(self) -> object:
        """Return the id of the next posting of the open transaction."""


class SqliteSession(Session):
    """A connection to the file."""

    before_all = -1

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @override
    async def fetch(self, statement: str, *arguments: object) -> Sequence[Row]:
        return [dict(row) for row in self._connection.execute(statement, _names(arguments))]

    @override
    async def run_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        self._connection.executemany(statement, map(_names, rows))

    @override
    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # SQLite has rolled it back already
                self._connection.execute("ROLLBACK")
            raise

    @override
    def stored(self, moment: datetime) -> object:
        return moment.timestamp()

    @override
    async def new_posting_id(self) -> object:
        (row,) = await self.fetch("SELECT coalesce(max(id), 0) + 1 AS id FROM posting")
        return row["id"]


def _names(arguments: Sequence[object]) -> Mapping[str, object]:
    return {str(number): argument for number, argument in enumerate(arguments, 1)}


class PostgresSession(Session):
    """A connection to the server."""

    before_all = uuid.UUID(int=0)

    def __init__(self, connection: "Connection[Record]") -> None:
        self._connection = connection

    @override
    async def fetch(self, statement: str, *arguments: object) -> Sequence[Row]:
        return [dict(row) for row in await self._connection.fetch(statement, *arguments)]

    @override
    async def run_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        await self._connection.executemany(statement, rows)

    @override
    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with self._connection.transaction(isolation="read_committed"):
            yield

    @override
    def stored(self, moment: datetime) -> object:
        return moment

    @override
    async def new_posting_id(self) -> object:
        return uuid.uuid4()


@contextlib.asynccontextmanager
async def open_session(url: str) -> AsyncIterator[Session]:
    """Connect to the ledger at a URL as `open_ledger` takes it.

    Raises:
        ValueError: no engine supports this URL.
        LedgerUnavailableError: the database cannot be used.
    """
    async with _postgres(url) if is_postgres(url) else _sqlite(path_of(url)) as session:
        yield session


@contextlib.asynccontextmanager
async def _sqlite(path: Path) -> AsyncIterator[Session]:
    with sqlite_connection(path) as connection:
        yield SqliteSession(connection)


@contextlib.asynccontextmanager
async def _postgres(url: str) -> AsyncIterator[Session]:
    async with postgres_connection(url, "tintype-archive") as connection:
        yield PostgresSession(connection)


@contextlib.contextmanager
def sqlite_connection(path: Path) -> Iterator[sqlite3.Connection]:
    """Connect to the file, which is made if it is not there.

    Raises:
        LedgerUnavailableError: the file cannot be used.
    """
    ensure_exists(path)
    with contextlib.closing(connect_to_sqlite(path, BUSY_SECONDS)) as connection:
        try:
            yield connection
        except sqlite3.Error as error:
            raise LedgerUnavailableError(f"the ledger cannot be used: {error}") from error


@contextlib.asynccontextmanager
async def postgres_connection(
    url: str, application_name: str
) -> "AsyncIterator[Connection[Record]]":
    """Connect to a database that has the schema of this program.

    Raises:
        ValueError: the URL is malformed.
        LedgerUnavailableError: the database cannot be used.
    """
    check_url(url)
    settings = {
        "application_name": application_name,
        "statement_timeout": str(STATEMENT_SECONDS * 1000),
    }
    try:
        try:
            connection = await connect_to_postgres(
                url, timeout=CONNECT_SECONDS, server_settings=settings
            )
        except OSError as error:
            raise LedgerUnavailableError(f"the database cannot be used: {error}") from error
        try:
            await schema.require(connection)
            yield connection
        finally:
            connection.terminate()
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        why = without_credentials(str(error), url)
        raise LedgerUnavailableError(f"the database cannot be used: {why}") from error
