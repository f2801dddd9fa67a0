"""A hold while it is open: kept alive, so that only that of a dead process ever expires."""

import asyncio
import logging
from collections.abc import Callable

from tintype_gateway.ledger.errors import HoldClosedError, LedgerError
from tintype_gateway.ledger.interface import Hold, Ledger
from tintype_gateway.observability.metrics import HOLDS_OUTSTANDING

log = logging.getLogger(__name__)

LIFETIME_SECONDS = 60
"""How long a hold outlives its owner. A living owner renews it every third of that."""


class Holding:
    """A hold that is kept alive until it ends."""

    def __init__(self, hold: Hold, ledger: Ledger) -> None:
        self.hold = hold
        self.is_open = True
        """Whether it is neither settled nor released."""

        self.is_kept = False
        """Whether it outlives the block that took it, since something is due of it."""

        self._renewal = _Renewal(hold, ledger)
        HOLDS_OUTSTANDING.inc()

    def keep(self) -> Callable[[], None]:
        """Keep the hold beyond its block, and return what ends it."""
        self.is_kept = True
        return self.end

    def end(self) -> None:
        """Renew the hold no more: it is settled or released, or it expires."""
        if self.is_open:
            self.is_open = False
            self._renewal.end()
            HOLDS_OUTSTANDING.dec()


class _Renewal:
    """Keeps a hold alive until its owner ends, so that only that of a dead process ever expires.

    Most requests end before the first renewal is due: until then it is a timer, and no task.
    """

    def __init__(self, hold: Hold, ledger: Ledger) -> None:
        self._hold = hold
        self._ledger = ledger
        self._task: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LIFETIME_SECONDS / 3, self._begin)

    def end(self) -> None:
        """Let the hold expire, if it is not settled or released."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        while True:
            try:
                await self._ledger.renew(self._hold, LIFETIME_SECONDS)
            except HoldClosedError:
                return
            except LedgerError as error:
                log.warning("hold not renewed", extra={"hold": self._hold.id, "error": str(error)})
            await asyncio.sleep(LIFETIME_SECONDS / 3)
