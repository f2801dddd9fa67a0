"""The ledger in PostgreSQL: the operations, behind the interface."""

from tintype_gateway.accounts import Audit
from tintype_gateway.ledger.postgres.audit import audit
from tintype_gateway.ledger.postgres.operations.accounts import PostgresAccounts
from tintype_gateway.ledger.postgres.operations.changes import PostgresChanges
from tintype_gateway.ledger.postgres.operations.credits import PostgresCredits
from tintype_gateway.ledger.postgres.operations.holds import PostgresHolds
from tintype_gateway.ledger.postgres.operations.jobs import PostgresJobs
from tintype_gateway.ledger.postgres.operations.keys import PostgresKeys
from tintype_gateway.ledger.postgres.operations.slots import PostgresSlots
from tintype_gateway.ledger.postgres.operations.webhook_secrets import PostgresWebhookSecrets
from tintype_gateway.ledger.postgres.operations.webhooks import PostgresWebhooks


class PostgresLedger(
    PostgresAccounts,
    PostgresCredits,
    PostgresKeys,
    PostgresHolds,
    PostgresSlots,
    PostgresChanges,
    PostgresWebhooks,
    PostgresJobs,
    PostgresWebhookSecrets,
):
    """A `Ledger` for any number of processes on any number of hosts."""

    async def check(self) -> None:
        """See `Ledger`."""
        await self._database.fetch("SELECT 1 FROM account LIMIT 1")

    async def audit(self) -> Audit:
        """See `Ledger`. Reads a snapshot on a connection of its own, and locks nothing."""
        async with self._database.snapshot() as connection:
            return await audit(connection)

    async def close(self) -> None:
        """See `Ledger`."""
        await self._database.close()
