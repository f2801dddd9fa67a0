"""Settles holds now, or retries until the ledger has the charge.

A charge survives an outage of the ledger: the gateway keeps the hold, and writes charges that are
not in the ledger to a journal that the next process reads. Settling is idempotent, because the
ledger closes a hold once.
"""

import asyncio
import logging
from collections.abc import Callable

from tintype_gateway.billing.settlement_journal import Due, Journal
from tintype_gateway.errors import UnavailableError
from tintype_gateway.ledger.errors import HoldClosedError, LedgerError
from tintype_gateway.ledger.interface import Ledger, Settlement
from tintype_gateway.observability.metrics import SETTLEMENTS_OUTSTANDING
from tintype_gateway.observability.spans import traced
from tintype_gateway.runtime.deadline import Deadline

__all__ = ["Due", "Settlements"]

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
"""Between two attempts. Each pause is twice the one before, up to this."""

Booked = Callable[[Settlement | None], None]
"""Called once a deferred charge is in the ledger; None if an earlier attempt had settled it."""


class Settlements:
    """Settles the holds of this process."""

    def __init__(self, ledger: Ledger, journal: Journal | None = None) -> None:
        self._ledger = ledger
        self._journal = journal
        self._deferred: set[asyncio.Task[None]] = set()

    def note(self, due: Due) -> None:
        """Write to the journal what is due if this process dies before it settles the hold."""
        if self._journal is not None:
            self._journal.note(due)

    def forget(self, due: Due) -> None:
        """Write to the journal that no charge is due for the hold any more."""
        if self._journal is not None:
            self._journal.forget(due.hold.id)

    @traced("settle")
    async def settle(self, due: Due, deadline: Deadline) -> Settlement:
        """Charge what is due, at most the hold, and return the rest to the account.

        While the ledger is unavailable, this retries until the deadline.

        Raises:
            UnavailableError: The ledger is unavailable. The image was made, so the client must not
                retry the request automatically.
        """
        try:
            settlement = await self._ledger.settle(due.hold, due.cost, images=due.images)
        except LedgerError as error:
            settlement = await self._settle_again(due, deadline, error)
        self.forget(due)
        if settlement.excess or settlement.late:
            extra = {"hold": due.hold.id, "excess": settlement.excess, "late": settlement.late}
            log.warning("settled off the hold", extra=extra)
        return settlement

    def defer(self, due: Due, booked: Booked = lambda _: None) -> None:
        """Retry the charge in the background until the ledger has it."""
        self.note(due)
        task = asyncio.create_task(self._settle_at_last(due, booked))
        self._deferred.add(task)
        task.add_done_callback(self._deferred.discard)

    def recover(self) -> None:
        """Make the charges that ended processes have left in their journals."""
        if self._journal is None:
            return
        for due in self._journal.left_behind():
            log.warning("a charge of an earlier process is due", extra={"hold": due.hold.id})
            self.defer(due)

    async def finish(self, within_seconds: float) -> None:
        """Wait for deferred charges. Those that are not made in time stay in the journal."""
        if self._deferred:
            await asyncio.wait(self._deferred, timeout=within_seconds)
        for task in list(self._deferred):
            task.cancel()
        await asyncio.gather(*self._deferred, return_exceptions=True)

    async def _settle_again(self, due: Due, deadline: Deadline, error: LedgerError) -> Settlement:
        with SETTLEMENTS_OUTSTANDING.track_inprogress():
            log.warning("hold not settled", extra={"hold": due.hold.id, "error": str(error)})
            pause = FIRST_PAUSE_SECONDS
            while pause < deadline.remaining():
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                try:
                    return await self._booked(due)
                except LedgerError as again:
                    error = again
        raise UnavailableError(
            "the image was made, but its charge could not be written to the ledger",
            code="outcome_unknown",
            may_have_cost=True,
        ) from error

    async def _booked(self, due: Due) -> Settlement:
        """Settle a hold; an earlier attempt whose response was lost may have settled it."""
        try:
            return await self._ledger.settle(due.hold, due.cost, images=due.images)
        except HoldClosedError:
            account = await self._ledger.account(due.hold.account)
            charged = min(due.cost, due.hold.amount)
            return Settlement(charged, account.available, late=False, excess=due.cost - charged)

    async def _settle_at_last(self, due: Due, booked: Booked) -> None:
        settlement: Settlement | None = None
        with SETTLEMENTS_OUTSTANDING.track_inprogress():
            await self._sync()
            pause = FIRST_PAUSE_SECONDS
            try:
                while True:
                    try:
                        settlement = await self._ledger.settle(
                            due.hold, due.cost, images=due.images
                        )
                        break
                    except HoldClosedError:
                        break  # settled by an attempt whose response was lost
                    except LedgerError as error:
                        extra = {"hold": due.hold.id, "error": str(error)}
                        log.warning("hold not settled", extra=extra)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                self.forget(due)
            finally:
                booked(settlement)

    async def _sync(self) -> None:
        if self._journal is not None:
            await asyncio.to_thread(self._journal.sync)
