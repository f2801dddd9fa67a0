"""The operations of slots."""

from collections.abc import Collection, Mapping, Sequence

from tintype_gateway.ledger.slot_queue import SlotLimits, SlotRequest, SlotResult
from tintype_gateway.ledger.sqlite import slots
from tintype_gateway.ledger.sqlite.operations.base import SqliteOperations


class SqliteSlots(SqliteOperations):
    """See `SlotOperations`."""

    async def exchange_slots(
        self,
        binding: str,
        limits: SlotLimits,
        wanted: Sequence[SlotRequest],
        freed: Collection[str],
    ) -> SlotResult:
        """See `Ledger`. It does not wait for the disk: a power cut ends the calls as well."""
        return await self._writer.submit(
            lambda db, now: slots.exchange(db, now, binding, limits, wanted, freed),
            is_quick=True,
            is_lasting=False,
        )

    async def slot_calls(self, bindings: Collection[str]) -> Mapping[str, int]:
        """See `Ledger`."""
        return await self._read(lambda db, now: slots.count(db, now, bindings))
