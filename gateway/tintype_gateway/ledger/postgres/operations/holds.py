"""The operations of holds."""

from collections.abc import Callable, Collection

from tintype_gateway.accounts import Caller
from tintype_gateway.holds import Hold, HoldRequest, Settlement
from tintype_gateway.ledger.hold_record import HoldRecord
from tintype_gateway.ledger.postgres import holds
from tintype_gateway.ledger.postgres.operations.base import PostgresOperations


class PostgresHolds(PostgresOperations):
    """See `HoldOperations`."""

    def __init__(self, url: str, clock: Callable[[], float] | None, timeout_seconds: float) -> None:
        super().__init__(url, clock, timeout_seconds)
        self._holds = holds.Holds(self._database, self._now)

    async def hold(self, caller: Caller, request: HoldRequest) -> Hold:
        """See `Ledger`."""
        record = HoldRecord(caller, request)
        return await self._holds.take(record)

    async def renew(self, hold: Hold, lifetime_seconds: float) -> None:
        """See `Ledger`."""
        await holds.renew(self._database, self._now(), hold, lifetime_seconds)

    async def settle(self, hold: Hold, cost: int, *, images: int = 0) -> Settlement:
        """See `Ledger`."""
        return await self._holds.settle(hold, cost, images)

    async def release(self, hold: Hold, reason: str, *, outcome_unknown: bool = False) -> None:
        """See `Ledger`."""
        await holds.release(self._database, self._now(), hold, reason, outcome_unknown)

    async def mark_delivered(self, settled: Collection[Hold]) -> None:
        """See `Ledger`."""
        await holds.mark_delivered(self._database, self._now(), settled)

    async def expire_holds(self) -> int:
        """See `Ledger`."""
        return await holds.expire(self._database, self._now())

    async def forget_released_holds(self) -> int:
        """See `Ledger`."""
        return await holds.forget_released(self._database, self._now())
