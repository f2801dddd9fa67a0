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
from tintype_gateway.ledger.sqlite import changes
from tintype_gateway.ledger.sqlite.operations.base import SqliteOperations


class SqliteChanges(SqliteOperations):
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
        return await self._do(lambda db, _: changes.read(db, matching, after, limit, newest_first))

    async def record_changes(
        self, reported: Sequence[ReportedChange], *, only_new_states: bool = False
    ) -> int:
        """See `Ledger`."""
        record = changes.report_states if only_new_states else changes.report
        return await self._do(lambda db, _: record(db, reported))

    async def claim_change_lines(
        self, limit: int = MAXIMUM_PAGE, *, lease: timedelta = LINE_LEASE
    ) -> Sequence[Change]:
        """See `Ledger`."""
        return await self._do(lambda db, now: changes.claim_lines(db, now, limit, lease))

    async def end_change_lines(self, written: Sequence[Change]) -> None:
        """See `Ledger`."""
        await self._do(lambda db, _: changes.end_lines(db, written))

    async def forget_changes(self, before: datetime) -> int:
        """See `Ledger`."""
        total = 0
        while forgotten := await self._do(lambda db, _: changes.forget(db, before)):
            total += forgotten
        return total
