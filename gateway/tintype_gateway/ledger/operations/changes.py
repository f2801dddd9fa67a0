"""The audit log: who changed what."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from tintype_gateway.ledger.changes import (
    ALL_CHANGES,
    LINE_LEASE,
    MAXIMUM_PAGE,
    Change,
    ChangeFilter,
    ReportedChange,
)


class ChangeOperations(Protocol):
    """A part of `Ledger`, which says what all operations have in common."""

    async def changes(
        self,
        matching: ChangeFilter = ALL_CHANGES,
        *,
        after: int | None = None,
        limit: int = MAXIMUM_PAGE,
        newest_first: bool = False,
    ) -> Sequence[Change]:
        """Read recorded changes, in their order or from the newest on.

        `after` is the sequence of the last one that was read, so that a page follows another.
        A change never appears with a lower sequence than one that could be read before.
        """

    async def record_changes(
        self, reported: Sequence[ReportedChange], *, only_new_states: bool = False
    ) -> int:
        """Record changes of what is not in the ledger; return how many of them were not known.

        Each id is recorded once. With `only_new_states`, a change is also known if the last change
        of the same thing led to the same state: several gateways may then report what all see.
        """

    async def claim_change_lines(
        self, limit: int = MAXIMUM_PAGE, *, lease: timedelta = LINE_LEASE
    ) -> Sequence[Change]:
        """Return changes whose line nobody has written yet, oldest first, for the caller to write.

        All processes share them. If the caller does not end them with `end_change_lines` within the
        lease, because it was killed, another one gets them: a line is written at least once.
        """

    async def end_change_lines(self, written: Sequence[Change]) -> None:
        """Record that the lines of these changes have been written."""

    async def forget_changes(self, before: datetime) -> int:
        """Delete the changes before a time, and return their number."""
