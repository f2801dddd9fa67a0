"""The ledger in a SQLite file: the operations, behind the interface."""

import asyncio

from tintype_gateway.accounts import Audit
from tintype_gateway.ledger.sqlite.audit import audit
from tintype_gateway.ledger.sqlite.database import unavailable
from tintype_gateway.ledger.sqlite.operations.accounts import SqliteAccounts
from tintype_gateway.ledger.sqlite.operations.changes import SqliteChanges
from tintype_gateway.ledger.sqlite.operations.credits import SqliteCredits
from tintype_gateway.ledger.sqlite.operations.holds import SqliteHolds
from tintype_gateway.ledger.sqlite.operations.jobs import SqliteJobs
from tintype_gateway.ledger.sqlite.operations.keys import SqliteKeys
from tintype_gateway.ledger.sqlite.operations.slots import SqliteSlots
from tintype_gateway.ledger.sqlite.operations.webhook_secrets import SqliteWebhookSecrets
from tintype_gateway.ledger.sqlite.operations.webhooks import SqliteWebhooks
from tintype_gateway.ledger.sqlite.snapshot import open_snapshot

AUDIT_THREADS = 2
"""An audit takes no more of the host's processors."""


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
        """See `Ledger`. Reads a snapshot in two threads, without blocking the writer."""
        self._writer.require_open()
        return await asyncio.to_thread(self._audit)

    def _audit(self) -> Audit:
        with (
            unavailable("cannot audit the ledger"),
            open_snapshot(self._path, self._busy_timeout_seconds, AUDIT_THREADS) as connections,
        ):
            return audit(connections)

    async def close(self) -> None:
        """See `Ledger`."""
        await self._writer.close()
