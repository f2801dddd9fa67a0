"""The operations of grants, adjustments and usage."""

from collections.abc import Sequence
from datetime import date

from tintype_gateway.accounts import Account, Grant, Usage
from tintype_gateway.holds import Idempotency
from tintype_gateway.ledger.changes import UNNAMED, Author
from tintype_gateway.ledger.sqlite import grants, usage
from tintype_gateway.ledger.sqlite.operations.base import SqliteOperations
from tintype_gateway.ledger.sqlite.reading import reading
from tintype_gateway.ledger.usage import TakeUsage, UsageQuery


class SqliteCredits(SqliteOperations):
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
        return await self._do(
            lambda db, now: grants.grant(db, now, name, micro, reason, idempotency, author)
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
        return await self._do(
            lambda db, now: grants.adjust(db, now, name, micro, reason, idempotency, author)
        )

    async def put_grant(
        self, reference: str, account: str, micro: int, reason: str, *, author: Author = UNNAMED
    ) -> tuple[Grant, bool]:
        """See `Ledger`."""
        return await self._do(
            lambda db, now: grants.put(db, now, reference, account, micro, reason, author)
        )

    async def granted(self, reference: str) -> Grant:
        """See `Ledger`."""
        return await self._do(lambda db, _: grants.read(db, reference))

    async def usage(self, since: date, *, account: str | None = None) -> Sequence[Usage]:
        """See `Ledger`. Its end users may be many, so that it blocks neither loop nor writer."""
        self._writer.require_open()
        async with reading(self._path, self._busy_timeout_seconds) as file:
            return await file.run(lambda db: usage.by_model(db, since, account))

    async def report_usage(self, query: UsageQuery, take: TakeUsage) -> None:
        """See `Ledger`. Reads a snapshot, without blocking the writer."""
        self._writer.require_open()
        async with reading(self._path, self._busy_timeout_seconds) as file:
            await usage.report(file, query, take)
