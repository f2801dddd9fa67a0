"""The operations of the audit log."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from tintype_gateway.ledger.changes import (
    ALL_CHANGES,
    LINE_LEASE,
    MAXIMUM_PAGE,
    Change,
    ChangeFilter,
    ReportedChange,
)
from tintype_gateway.ledger.postgres import changes
from tintype_gateway.ledger.postgres.operations.base import PostgresOperations


class PostgresChanges(PostgresOperations):
    """See `ChangeOperations`."""

    async def changes(
        self,
        matching: ChangeFilter = ALL_CHANGES,
        *,
        after: int | None = None,
        limit: int = MAXIMUM_PAGE,
        newest_first: bool = False,
    ) -> Sequence[Change]:
        """See `Ledger`."""
        return await changes.read(self._database, matching, after, limit, newest_first)

    async def record_changes(
        self, reported: Sequence[ReportedChange], *, only_new_states: bool = False
    ) -> int:
        """See `Ledger`."""
        return await changes.report(self._database, reported, only_new_states)

    async def claim_change_lines(
        self, limit: int = MAXIMUM_PAGE, *, lease: timedelta = LINE_LEASE
    ) -> Sequence[Change]:
        """See `Ledger`."""
        return await changes.claim_lines(self._database, self._now(), limit, lease)

    async def end_change_lines(self, written: Sequence[Change]) -> None:
        """See `Ledger`."""
        await changes.end_lines(self._database, written)

    async def forget_changes(self, before: datetime) -> int:
        """See `Ledger`."""
        return await changes.forget(self._database, before)
