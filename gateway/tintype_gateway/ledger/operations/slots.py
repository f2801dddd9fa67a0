"""Slots: how many calls of a binding run at once, in all processes."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from tintype_gateway.ledger.slot_queue import SlotLimits, SlotRequest, SlotResult


class SlotOperations(Protocol):
    """A part of `Ledger`, which says what all operations have in common."""

    async def exchange_slots(
        self,
        binding: str,
        limits: SlotLimits,
        wanted: Sequence[SlotRequest],
        freed: Collection[str],
    ) -> SlotResult:
        """Free slots of a binding, and grant them to calls that wait (see `slot_queue`).

        The queue has the calls of all processes; each asks again about those that still wait before
        `WAITING_SECONDS` have passed. A lease ends when its call is in `freed`, or after
        `limits.lease_seconds`. No money depends on slots: a power cut may undo an exchange.
        """

    async def slot_calls(self, bindings: Collection[str]) -> Mapping[str, int]:
        """Return the number of calls of each binding that have a slot or wait for one."""
