"""The operations of holds."""

import asyncio
import contextlib
from collections.abc import Collection

from tintype_gateway.accounts import Caller
from tintype_gateway.holds import Hold, HoldRequest, Settlement
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.hold_record import HoldRecord
from tintype_gateway.ledger.sqlite import holds
from tintype_gateway.ledger.sqlite.operations.base import SqliteOperations


class SqliteHolds(SqliteOperations):
    """See `HoldOperations`."""

    async def hold(self, caller: Caller, request: HoldRequest) -> Hold:
        """See `Ledger`."""
        record = HoldRecord(caller, request)
        # A power cut that undoes a hold also ends its request, which is then never charged. Only an
        # idempotency key must survive: otherwise a repeat could pay the provider twice.
        taking = self._writer.submit(
            lambda db, now: holds.take(db, now, record),
            is_quick=True,
            is_lasting=request.idempotency is not None,
            abandon=self._abandon,
        )
        try:
            return await taking
        except asyncio.CancelledError:
            if not taking.cancelled() and taking.exception() is None:  # it was taken just before
                self._abandon(taking.result())
            raise

    async def renew(self, hold: Hold, lifetime_seconds: float) -> None:
        """See `Ledger`."""
        await self._do_quickly(lambda db, now: holds.renew(db, now, hold, lifetime_seconds))

    async def settle(self, hold: Hold, cost: int, *, images: int = 0) -> Settlement:
        """See `Ledger`."""
        return await self._do_quickly(lambda db, now: holds.settle(db, now, hold, cost, images))

    async def release(self, hold: Hold, reason: str, *, outcome_unknown: bool = False) -> None:
        """See `Ledger`."""
        await self._do_quickly(
            lambda db, now: holds.release(db, now, hold, reason, outcome_unknown)
        )

    async def mark_delivered(self, settled: Collection[Hold]) -> None:
        """See `Ledger`."""
        await self._do_quickly(lambda db, now: holds.mark_delivered(db, now, settled))

    async def expire_holds(self) -> int:
        """See `Ledger`."""
        return await self._do(holds.expire)

    async def forget_released_holds(self) -> int:
        """See `Ledger`."""
        total = 0
        while forgotten := await self._do(holds.forget_released):
            total += forgotten
        return total

    def _abandon(self, hold: Hold) -> None:
        """Release a hold whose caller was cancelled. If that fails, the hold expires."""
        with contextlib.suppress(LedgerUnavailableError):
            self._writer.submit(
                lambda db, now: holds.release(
                    db, now, hold, "caller went away", outcome_unknown=False
                ),
                is_quick=True,
            ).add_done_callback(lambda released: released.exception())  # retrieves the exception
