"""An open hold, which is renewed so that only the holds of dead processes expire."""

import asyncio
import logging
from collections.abc import Callable
from typing import ClassVar

from tintype_gateway.ledger.errors import HoldClosedError, LedgerError
from tintype_gateway.ledger.interface import Hold, Ledger
from tintype_gateway.observability.metrics import HOLDS_OUTSTANDING

log = logging.getLogger(__name__)


class Holding:
    """A hold that is renewed until it ends."""

    outstanding: ClassVar[int] = 0
    """The number of open holds. A metric would take a lock twice for every request."""

    def __init__(self, hold: Hold, ledger: Ledger, lifetime_seconds: float) -> None:
        self.hold = hold
        self.is_open = True
        """Whether the hold is neither settled nor released."""

        self.is_kept = False
        """Whether the hold outlives the block that took it, because a charge is due."""

        self._renewal = _Renewal(hold, ledger, lifetime_seconds)
        Holding.outstanding += 1

    def keep(self) -> Callable[[], None]:
        """Keep the hold beyond its block, and return the function that ends it."""
        self.is_kept = True
        return self.end

    def end(self) -> None:
        """Stop the renewal: the hold is settled or released, or it expires."""
        if self.is_open:
            self.is_open = False
            self._renewal.end()
            Holding.outstanding -= 1


HOLDS_OUTSTANDING.set_function(lambda: Holding.outstanding)


class _Renewal:
    """Renews a hold until its owner ends.

    Most requests end before the first renewal is due: until then this is a timer, not a task.
    """

    def __init__(self, hold: Hold, ledger: Ledger, lifetime_seconds: float) -> None:
        self._hold = hold
        self._ledger = ledger
        self._lifetime_seconds = lifetime_seconds
        self._task: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(lifetime_seconds / 3, self._begin)

    def end(self) -> None:
        """Stop the renewal, so that the hold expires if it is not settled or released."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        while True:
            try:
                await self._ledger.renew(self._hold, self._lifetime_seconds)
            except HoldClosedError:
                return
            except LedgerError as error:
                log.warning("hold not renewed", extra={"hold": self._hold.id, "error": str(error)})
            await asyncio.sleep(self._lifetime_seconds / 3)
