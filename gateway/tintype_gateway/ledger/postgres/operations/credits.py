"""The operations of grants, adjustments and usage."""

from collections.abc import Sequence
from datetime import date

from tintype_gateway.accounts import Account, Grant, Usage
from tintype_gateway.holds import Idempotency
from tintype_gateway.ledger.changes import UNNAMED, Author
from tintype_gateway.ledger.postgres import grants, usage
from tintype_gateway.ledger.postgres.operations.base import PostgresOperations
from tintype_gateway.ledger.usage import TakeUsage, UsageQuery


class PostgresCredits(PostgresOperations):
    """See `CreditOperations`."""

    async def grant(
        self,
        name: str,
        micro: int,
        *,
        reason: str,
        idempotency: Idempotency | None = None,
        author: Author = UNNAMED,
    ) -> Account:
        """See `Ledger`."""
        return await grants.grant(
            self._database, self._now(), name, micro, reason, idempotency, author
        )

    async def adjust(
        self,
        name: str,
        micro: int,
        *,
        reason: str,
        idempotency: Idempotency | None = None,
        author: Author = UNNAMED,
    ) -> Account:
        """See `Ledger`."""
        return await grants.adjust(
            self._database, self._now(), name, micro, reason, idempotency, author
        )

    async def put_grant(
        self, reference: str, account: str, micro: int, reason: str, *, author: Author = UNNAMED
    ) -> tuple[Grant, bool]:
        """See `Ledger`."""
        return await grants.put(
            self._database, self._now(), reference, account, micro, reason, author
        )

    async def granted(self, reference: str) -> Grant:
        """See `Ledger`."""
        return await grants.read(self._database, reference)

    async def usage(self, since: date, *, account: str | None = None) -> Sequence[Usage]:
        """See `Ledger`."""
        return await usage.by_model(self._database, since, account)

    async def report_usage(self, query: UsageQuery, take: TakeUsage) -> None:
        """See `Ledger`."""
        async with self._database.snapshot() as connection:
            await usage.report(connection, query, take)
