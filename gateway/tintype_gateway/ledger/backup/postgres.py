"""Backups of a PostgreSQL database, and into one."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from asyncpg import Connection, IntegrityConstraintViolationError, Record
from typing_extensions import override

from tintype_gateway.accounts import Audit
from tintype_gateway.ledger.archive.session import postgres_connection
from tintype_gateway.ledger.audit import COUNTS
from tintype_gateway.ledger.backup.columns import (
    ENTRY,
    LEFT_OUT,
    LISTED,
    Column,
    Kind,
    from_postgres,
    postgres_column,
    to_postgres,
)
from tintype_gateway.ledger.backup.database import RESTORED, Source, Target
from tintype_gateway.ledger.backup.file import BATCH
from tintype_gateway.ledger.postgres.audit import audit
from tintype_gateway.ledger.postgres.holds import RELEASE
from tintype_gateway.ledger.postgres.schema import MIGRATIONS

APPLICATION = "tintype-backup"

TABLES = """
SELECT table_name, column_name, data_type, is_identity = 'YES' AS is_identity
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
ORDER BY table_name, ordinal_position
"""

RENUMBER = """
SELECT setval(pg_get_serial_sequence($1, $2), greatest(coalesce(max("{column}"), 0), 1),
    count(*) > 0) FROM "{table}"
"""

LIVE_HOLDS = """
SELECT hold_id FROM job WHERE status IN ('queued', 'in_progress') ORDER BY account, id
"""

END_JOBS = (
    """
    UPDATE job SET status = 'outcome_unknown', finished_at = moment, lease_until = NULL,
        expires_at = moment + make_interval(secs => retention_seconds)
    FROM clock_timestamp() AS moment WHERE status IN ('queued', 'in_progress')
    """,
    "DELETE FROM job_queue",
)

_ID = Column("posting_id", Kind.POSTING_ID)


async def _tables(connection: "Connection[Record]") -> dict[str, list[Column]]:
    """Return those of the ledger: other tables may be in the database, too."""
    tables: dict[str, list[Column]] = {name: [] for name in sorted(MIGRATIONS.tables())}
    for table, name, data_type, is_identity in await connection.fetch(TABLES):
        if (columns := tables.get(table)) is not None and (table, name) not in LEFT_OUT:
            columns.append(postgres_column(table, name, data_type, is_identity=is_identity))
    return {name: columns for name, columns in tables.items() if columns}


class PostgresSource(Source):
    """A snapshot of the database."""

    def __init__(self, connection: "Connection[Record]") -> None:
        self._connection = connection

    @override
    async def tables(self) -> Mapping[str, Sequence[Column]]:
        return await _tables(self._connection)

    @override
    async def rows(self, statement: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        cursor = await self._connection.cursor(statement)
        while rows := await cursor.fetch(BATCH):
            yield [dict(row) for row in rows]

    @override
    def neutral(self, column: Column, value: Any) -> Any:
        return from_postgres(column, value)

    @override
    async def figures(self) -> Mapping[str, int]:
        (row,) = await self._connection.fetch(COUNTS)
        return dict(row)


class PostgresTarget(Target):
    """An open transaction, which keeps all others from writing."""

    def __init__(
        self, connection: "Connection[Record]", tables: Mapping[str, Sequence[Column]]
    ) -> None:
        self._connection = connection
        self._tables = tables

    @override
    async def tables(self) -> Mapping[str, Sequence[Column]]:
        return self._tables

    @override
    async def is_empty(self, table: str) -> bool:
        return await self._connection.fetchval(f'SELECT 1 FROM "{table}" LIMIT 1') is None  # noqa: S608

    @override
    async def insert(
        self, table: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]]
    ) -> None:
        names = [column.name for column in columns]
        records = [[to_postgres(*pair) for pair in zip(columns, row, strict=True)] for row in rows]
        if table == "account":
            names.append("opened_by")
            records = [[*record, uuid.uuid4()] for record in records]
        if table == "hold":
            is_closed = names.index("state")
            names.append("closed_by")
            records = [
                [*record, uuid.uuid4() if record[is_closed] in ("settled", "released") else None]
                for record in records
            ]
        await self._copy(table, names, records)

    @override
    async def insert_postings(
        self, columns: Sequence[Column], rows: Sequence[Sequence[Any]]
    ) -> None:
        names = [column.name for column in columns]
        ids, holds = names.index("id"), names.index("hold_id")
        await self.insert("posting", columns, [row[:-2] for row in rows])
        await self._copy(
            ENTRY,
            ("posting_id", "account", "amount"),
            [
                (to_postgres(_ID, row[ids]), account, amount)
                for row in rows
                for account, amount in row[-2].items()
            ],
        )
        await self._copy(
            LISTED,
            ("posting_id", "run_id", "hold_id"),
            [
                (to_postgres(_ID, row[ids]), row[-1], row[holds])
                for row in rows
                if row[-1] is not None
            ],
        )

    async def _copy(
        self, table: str, names: Sequence[str], records: Sequence[Sequence[Any]]
    ) -> None:
        try:
            await self._connection.copy_records_to_table(
                table, columns=list(names), records=records
            )
        except IntegrityConstraintViolationError as error:
            raise ValueError(str(error)) from error

    @override
    async def complete(self) -> None:
        for table, columns in self._tables.items():
            for column in columns:
                if column.is_identity:
                    statement = RENUMBER.format(table=table, column=column.name)
                    await self._connection.fetch(statement, table, column.name)
            await self._connection.execute(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')
        await self._connection.execute("ANALYZE")

    @override
    async def end_jobs(self) -> int:
        live = await self._connection.fetch(LIVE_HOLDS)
        for (hold_id,) in live:
            await self._connection.fetch(RELEASE, None, uuid.uuid4(), hold_id, RESTORED, True)
        for statement in END_JOBS:
            await self._connection.execute(statement)
        return len(live)

    @override
    async def audit(self) -> Audit:
        return await audit(self._connection)


@contextlib.asynccontextmanager
async def postgres_source(url: str) -> AsyncIterator[Source]:
    """Read the database in one snapshot.

    Raises:
        LedgerUnavailableError: The database cannot be used.
    """
    async with (
        postgres_connection(url, APPLICATION) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield PostgresSource(connection)


@contextlib.asynccontextmanager
async def postgres_target(url: str) -> AsyncIterator[Target]:
    """Fill the database, which `tintype ledger migrate` has prepared, in one transaction.

    The role must own the tables, as that of the migration does.

    Raises:
        LedgerUnavailableError: The database cannot be used.
    """
    async with (
        postgres_connection(url, APPLICATION) as connection,
        connection.transaction(isolation="read_committed"),
    ):
        tables = await _tables(connection)
        for table in tables:  # a lock that lets others read, until the end of the transaction
            await connection.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
        yield PostgresTarget(connection, tables)
