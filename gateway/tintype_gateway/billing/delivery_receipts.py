"""Which answers reached their clients: told to the ledger in batches, since no money depends on it.

With it an audit can tell charges without a complete answer, which only a killed process or a
client that left may leave behind, from all others.
"""

import asyncio
import logging

from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.interface import Hold, Ledger

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.2


class DeliveryReceipts:
    """The settled holds whose answers were written to the end, until the ledger knows of them."""

    def __init__(self) -> None:
        self._delivered: list[Hold] = []

    def add(self, receipt: Hold) -> None:
        """Note that a client has the complete answer."""
        self._delivered.append(receipt)

    async def report(self, ledger: Ledger) -> None:
        """Tell the ledger again and again, and a last time when cancelled."""
        try:
            while True:
                await asyncio.sleep(INTERVAL_SECONDS)
                await self._flush(ledger)
        finally:
            await self._flush(ledger)

    async def _flush(self, ledger: Ledger) -> None:
        batch, self._delivered = self._delivered, []
        if not batch:
            return
        try:
            await ledger.mark_delivered(batch)
        except LedgerError as error:
            self._delivered = batch + self._delivered
            log.warning("deliveries not reported", extra={"error": str(error)})
