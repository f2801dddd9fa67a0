"""What one request has sold so far, and the one charge that is made for it."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from tintype_gateway.billing.holding import Holding
from tintype_gateway.billing.settlements import Due, Settlements
from tintype_gateway.errors import GatewayError
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.interface import Hold, Ledger, Settlement
from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.values.events import Charge, FinishedCall
from tintype_gateway.values.images import FinishedImage

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


Cost = Callable[[Sequence[FinishedCall]], int]
"""What calls cost together, in micro-credits."""

Settled = Callable[[Sequence[FinishedCall], Settlement], None]
"""Notes for which calls an account was charged."""


class Sale:
    """Counts the images whose bytes have begun to be sent, and charges for them once.

    An image is sold when its first byte is sent, since a client that has most of its bytes
    has the image; the first preview sells its image too. What is sold before its call has ended is
    charged by what the provider reports at the end, and by the price table's figure where nothing
    is reported; it is void if the call ends with the provider's fault.
    """

    def __init__(
        self,
        holding: Holding,
        cost: Cost,
        settled: Settled,
        settlements: Settlements,
        deadline: Deadline,
    ) -> None:
        self._holding = holding
        self._cost = cost
        self._settled = settled
        self._settlements = settlements
        self._deadline = deadline
        self._begun: dict[int, FinishedCall] = {}
        self._sold: dict[int, FinishedCall] = {}
        self._announced = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Have what is sold charged later, if the block ends before that is done."""
        if isinstance(error, Exception) and not isinstance(error, GatewayError):
            self._void_all()
        if error is not None:
            self._owe()

    @property
    def begun(self) -> Collection[int]:
        """The calls, by their first image, of which something was sent before their end."""
        return self._begun.keys()

    @property
    def sold(self) -> list[FinishedCall]:
        """The calls that have ended, each with its images that have begun to be sent."""
        return list(self._sold.values())

    @property
    def receipt(self) -> Hold:
        """The hold that pays."""
        return self._holding.hold

    @property
    def is_open(self) -> bool:
        """Whether the charge is still to be made."""
        return self._holding.is_open

    def begin(self, call: FinishedCall) -> None:
        """Count the image of a call as sold that has not ended: its first byte is about to go."""
        self._begun[call.first] = call
        self._note()

    def void(self, first: int) -> None:
        """Take back what was begun of a call that ended with the provider's fault."""
        if self._begun.pop(first, None) is not None:
            self._note()

    def _void_all(self) -> None:
        """Take back all that was begun, since a defect of the gateway ends the request."""
        self._begun.clear()
        self._note()

    async def sell(self, call: FinishedCall, images: int, *, is_last: bool) -> Charge:
        """Count so many images of a call as sold, and return what the newest of them costs.

        With the last one of the request, the charge is made.

        Raises:
            UnavailableError: The ledger could not be told before the deadline. The image does not
                count, unless something of it was sent before.
        """
        now = of_which(call, images)
        if call.first in self._begun:
            self._begun[call.first] = now
        sold = {**self._sold, call.first: now}
        settlement = await self._settle(list(sold.values())) if is_last else None
        self._begun.pop(call.first, None)
        self._sold = sold
        if settlement is None:
            self._note()
        total = settlement.charged if settlement else self._cost(self.sold)
        credits, self._announced = total - self._announced, total
        return Charge(credits, settlement)

    async def settle(self, calls: Sequence[FinishedCall] | None = None) -> Settlement:
        """Charge for these calls, by default for those that are sold.

        Raises:
            UnavailableError: The ledger could not be told before the deadline.
        """
        for call in calls or ():
            if call.first in self._begun:  # of which only the first image has been sent by now
                self._begun[call.first] = of_which(call, 1)
        return await self._settle(self.sold if calls is None else calls)

    def _owe(self) -> None:
        """Charge for what is sold later, if that was not done: the request ends before its end."""
        calls = self._due()
        if not self.is_open or not any(call.images for call in calls):
            return
        due = Due(self._holding.hold, self._cost(calls), _images(calls))
        end = self._holding.keep()

        def booked(settlement: Settlement | None) -> None:
            end()
            if settlement is not None:
                self._settled(calls, settlement)

        self._settlements.defer(due, booked)

    async def _settle(self, calls: Sequence[FinishedCall]) -> Settlement:
        due = Due(self._holding.hold, self._cost(calls), _images(calls))
        settlement = await self._settlements.settle(due, self._deadline)
        self._holding.end()
        self._settled(calls, settlement)
        return settlement

    def _due(self) -> list[FinishedCall]:
        return list({**self._begun, **self._sold}.values())

    def _note(self) -> None:
        """Write down what would have to be charged if this process died now."""
        calls = self._due()
        due = Due(self._holding.hold, self._cost(calls), _images(calls))
        if due.images:
            self._settlements.note(due)
        else:
            self._settlements.forget(due)


def _images(calls: Sequence[FinishedCall]) -> int:
    return sum(len(call.images) for call in calls)


def of_which(call: FinishedCall, images: int) -> FinishedCall:
    """Return a call with what its first images are charged by, and without their bytes.

    What the call used as a whole counts with its last image.
    """
    usage = call.result.usage if images == len(call.images) else None
    result = replace(call.result, images=(), usage=usage)
    some = tuple(_without_bytes(image) for image in call.images[:images])
    return replace(call, images=some, result=result)


def _without_bytes(image: FinishedImage) -> FinishedImage:
    """Return an image that holds nothing in memory: a stream may send many, one after another."""
    return replace(image, image=replace(image.image, base64=b""))
