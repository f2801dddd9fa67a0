"""Backups of a SQLite file, and into one."""

import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from tintype_gateway.accounts import Audit
from tintype_gateway.ledger.archive.session import sqlite_connection
from tintype_gateway.ledger.audit import COUNTS
from tintype_gateway.ledger.backup.columns import (
    ENTRY,
    LEFT_OUT,
    LISTED,
    Column,
    Kind,
    from_sqlite,
    sqlite_column,
    to_sqlite,
)
from tintype_gateway.ledger.backup.database import RESTORED, Source, Target
from tintype_gateway.ledger.backup.file import BATCH
from tintype_gateway.ledger.sqlite import job_ends
from tintype_gateway.ledger.sqlite.audit import audit

TABLES = """
SELECT sqlite_master.name, columns.name, columns.type
FROM sqlite_master JOIN pragma_table_info(sqlite_master.name) AS columns
WHERE sqlite_master.type = 'table' ORDER BY sqlite_master.name, columns.cid
"""

TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid"

OWN_BALANCES = """
UPDATE account SET balance = (
    SELECT coalesce(sum(amount), 0) FROM entry WHERE entry.account = account.name
) WHERE name LIKE 'sys:%'
"""


def _tables(connection: sqlite3.Connection) -> dict[str, list[Column]]:
    tables: dict[str, list[Column]] = {}
    for table, name, declared in connection.execute(TABLES):
        if (table, name) not in LEFT_OUT:
            tables.setdefault(table, []).append(sqlite_column(table, name, declared))
    return tables


class SqliteSource(Source):
    """A snapshot of the file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @override
    async def tables(self) -> Mapping[str, Sequence[Column]]:
        return _tables(self._connection)

    @override
    async def rows(self, statement: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        cursor = self._connection.execute(statement)
        while rows := cursor.fetchmany(BATCH):
            yield [dict(row) for row in rows]

    @override
    def neutral(self, column: Column, value: Any) -> Any:
        return from_sqlite(column, value)

    @override
    async def figures(self) -> Mapping[str, int]:
        return dict(self._connection.execute(COUNTS).fetchone())


class SqliteTarget(Target):
    """An open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._triggers = [tuple(row) for row in connection.execute(TRIGGERS)]
        for name, _ in self._triggers:
            connection.execute(f"DROP TRIGGER {name}")
        self._last_posting = 0
        self._numbers: dict[str, int] = {}
        """The numbers of the postings that other tables refer to, by their ids in the backup."""

    @override
    async def tables(self) -> Mapping[str, Sequence[Column]]:
        return _tables(self._connection)

    @override
    async def is_empty(self, table: str) -> bool:
        where = " WHERE name NOT LIKE 'sys:%'" if table == "account" else ""
        found = self._connection.execute(f"SELECT 1 FROM {table}{where} LIMIT 1")  # noqa: S608
        return found.fetchone() is None

    @override
    async def insert(
        self, table: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]]
    ) -> None:
        names = ", ".join(f'"{column.name}"' for column in columns)
        places = ", ".join("?" * len(columns))
        self._execute(
            f'INSERT INTO "{table}" ({names}) VALUES ({places})',  # noqa: S608
            [[self._stored(*pair) for pair in zip(columns, row, strict=True)] for row in rows],
        )

    @override
    async def insert_postings(
        self, columns: Sequence[Column], rows: Sequence[Sequence[Any]]
    ) -> None:
        names = [column.name for column in columns]
        ids, kinds = names.index("id"), names.index("kind")
        for row in rows:
            given = str(row[ids])
            number = int(given) if given.isdecimal() else self._last_posting + 1
            self._last_posting = max(self._last_posting, number)
            self._numbers[given] = number
        await self.insert("posting", columns, [row[:-2] for row in rows])
        for *posting, entries, listed_by in rows:
            number = self._numbers[str(posting[ids])]
            self._execute(
                f"INSERT INTO {ENTRY} (posting_id, account, amount) VALUES (?, ?, ?)",  # noqa: S608
                [(number, account, amount) for account, amount in entries.items()],
            )
            if listed_by is not None:
                self._execute(
                    f"INSERT INTO {LISTED} (posting_id, run_id, hold_id) VALUES (?, ?, ?)",  # noqa: S608
                    [(number, listed_by, posting[names.index("hold_id")])],
                )
            if posting[kinds] != "carried_forward":
                del self._numbers[str(posting[ids])]

    def _execute(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        try:
            self._connection.executemany(statement, rows)
        except sqlite3.IntegrityError as error:
            raise ValueError(str(error)) from error

    def _stored(self, column: Column, value: Any) -> Any:
        if column.kind is Kind.POSTING_ID:
            return self._numbers[str(value)]
        return to_sqlite(column, value)

    @override
    async def complete(self) -> None:
        self._connection.execute(OWN_BALANCES)
        for _, script in self._triggers:
            self._connection.execute(script)

    @override
    async def end_jobs(self) -> int:
        return job_ends.lose_all(self._connection, time.time(), RESTORED)

    @override
    async def audit(self) -> Audit:
        return audit([self._connection])


@contextlib.asynccontextmanager
async def sqlite_source(path: Path) -> AsyncIterator[Source]:
    """Read the file in one snapshot.

    Raises:
        LedgerUnavailableError: The file cannot be used.
    """
    with sqlite_connection(path) as connection:
        connection.execute("BEGIN")
        yield SqliteSource(connection)


@contextlib.asynccontextmanager
async def sqlite_target(path: Path) -> AsyncIterator[Target]:
    """Fill the file, which is made if it is not there, in one transaction.

    Raises:
        LedgerUnavailableError: The file cannot be used.
    """
    with sqlite_connection(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield SqliteTarget(connection)
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
