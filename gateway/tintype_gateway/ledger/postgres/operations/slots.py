"""The operations of slots."""

from collections.abc import Collection, Mapping, Sequence

from tintype_gateway.ledger.postgres import slots
from tintype_gateway.ledger.postgres.operations.base import PostgresOperations
from tintype_gateway.ledger.slot_queue import SlotLimits, SlotRequest, SlotResult


class PostgresSlots(PostgresOperations):
    """See `SlotOperations`."""

    async def exchange_slots(
        self,
        binding: str,
        limits: SlotLimits,
        wanted: Sequence[SlotRequest],
        freed: Collection[str],
    ) -> SlotResult:
        """See `Ledger`."""
        return await slots.exchange(self._database, self._now(), binding, limits, wanted, freed)

    async def slot_calls(self, bindings: Collection[str]) -> Mapping[str, int]:
        """See `Ledger`."""
        return await slots.count(self._database, self._now(), bindings)
