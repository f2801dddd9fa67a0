"""The ledger in a SQLite file: the operations, behind the interface."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from tintype_gateway.accounts import Audit
from tintype_gateway.ledger.sqlite.audit import audit_books, audit_file
from tintype_gateway.ledger.sqlite.database import connect, unavailable
from tintype_gateway.ledger.sqlite.operations.accounts import SqliteAccounts
from tintype_gateway.ledger.sqlite.operations.changes import SqliteChanges
from tintype_gateway.ledger.sqlite.operations.credits import SqliteCredits
from tintype_gateway.ledger.sqlite.operations.holds import SqliteHolds
from tintype_gateway.ledger.sqlite.operations.jobs import SqliteJobs
from tintype_gateway.ledger.sqlite.operations.keys import SqliteKeys
from tintype_gateway.ledger.sqlite.operations.slots import SqliteSlots
from tintype_gateway.ledger.sqlite.operations.webhook_secrets import SqliteWebhookSecrets
from tintype_gateway.ledger.sqlite.operations.webhooks import SqliteWebhooks

T = TypeVar("T")


class SqliteLedger(
    SqliteAccounts,
    SqliteCredits,
    SqliteKeys,
    SqliteHolds,
    SqliteSlots,
    SqliteChanges,
    SqliteWebhooks,
    SqliteJobs,
    SqliteWebhookSecrets,
):
    """A `Ledger` for all processes of one host, each with one connection that writes.

    Nothing is cached between transactions, so that processes see each other's changes at once.
    SQLite before 3.51.3 has a rare fault if several processes write to one file
    (https://www.sqlite.org/wal.html#walresetbug); a single process is not affected.
    """

    async def check(self) -> None:
        """See `Ledger`. The schema was checked when the file was opened."""
        await self._read(lambda db, _: db.execute("SELECT 1 FROM account LIMIT 1").fetchone())

    async def audit(self) -> Audit:
        """See `Ledger`. Reads snapshots, without blocking the writer.

        The books and the file are checked at once, in two threads.
        """
        self._writer.require_open()
        books, problems = await asyncio.gather(
            asyncio.to_thread(self._read_snapshot, audit_books),
            asyncio.to_thread(self._read_snapshot, audit_file),
        )
        return replace(books, problems=(*books.problems, *problems))

    def _read_snapshot(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with (
            unavailable("cannot audit the ledger"),
            contextlib.closing(connect(self._path, self._busy_timeout_seconds)) as connection,
        ):
            connection.execute("BEGIN")
            return work(connection)

    async def close(self) -> None:
        """See `Ledger`."""
        await self._writer.close()
