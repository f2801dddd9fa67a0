"""Counts what a request has sold, makes its one charge, and reports deliveries to the ledger."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from decimal import Decimal
from types import TracebackType
from typing import Self

from tintype_catalog.costs import is_usable
from tintype_gateway.billing.holding import Holding
from tintype_gateway.billing.settlements import Due, Settlements
from tintype_gateway.errors import GatewayError
from tintype_gateway.faults import sells_time
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.interface import Hold, Ledger, Settlement
from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.values.events import Charge, FailedCall, FinishedCall
from tintype_gateway.values.images import FinishedImage

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.2


class DeliveryReceipts:
    """Settled holds with complete responses, until they are reported to the ledger."""

    def __init__(self) -> None:
        self._delivered: list[Hold] = []

    def add(self, receipt: Hold) -> None:
        """Record that a client has the complete response."""
        self._delivered.append(receipt)

    async def report(self, ledger: Ledger) -> None:
        """Report deliveries to the ledger periodically, and a last time when cancelled."""
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
"""Returns the cost of calls together, in micro-credits."""

Settled = Callable[[Sequence[FinishedCall], Settlement], None]
"""Records the calls that an account was charged for."""


class Sale:
    """Counts the images that the gateway has begun to send, and charges for them once.

    An image is sold when its first byte is sent, since a client that has most of its bytes
    has the image; the first preview sells its image too. An image that is sold
    before its call has ended is charged by the usage that the provider reports at the end, or by
    the price table's figure if it reports none; the sale is void if the call ends with a fault,
    unless its price is one of the provider's time.
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
        """Defer the charge for what is sold, if the block ends before it is made."""
        if isinstance(error, Exception) and not isinstance(error, GatewayError):
            self._void_all()
        if error is not None:
            self._owe()

    @property
    def begun(self) -> Collection[int]:
        """The calls, by their first image, whose image is being sent before their end."""
        return self._begun.keys()

    @property
    def sold(self) -> list[FinishedCall]:
        """The calls that have ended, each with the images that the gateway has begun to send."""
        return list(self._sold.values())

    @property
    def receipt(self) -> Hold:
        """The hold of the request."""
        return self._holding.hold

    @property
    def is_open(self) -> bool:
        """Whether the charge is still due."""
        return self._holding.is_open

    def begin(self, call: FinishedCall) -> None:
        """Count an image as sold before its call has ended: its first byte is about to be sent."""
        self._begun[call.first] = call
        self._note()

    def fail(self, failed: FailedCall) -> None:
        """Void the sale of a call that ended with the provider's fault.

        At a price by the second it stays, with the time that the provider has taken, if the fault
        interrupts an image that passes through.
        """
        begun = self._begun.pop(failed.first, None)
        if begun is None:
            return
        if sells_time(failed.route, failed.fault):
            milliseconds = failed.fault.sold_milliseconds or 0
            result = begun.result._replace(milliseconds=milliseconds)
            self._begun[failed.first] = replace(begun, result=result)
        self._note()

    def _void_all(self) -> None:
        """Void all sales of unfinished calls, because a defect of the gateway ends the request."""
        self._begun.clear()
        self._note()

    async def sell(self, call: FinishedCall, images: int, *, is_last: bool) -> Charge:
        """Count the first `images` of a call as sold, and return the cost of the newest of them.

        With the last one of the request, the charge is made.

        Raises:
            UnavailableError: The ledger is unavailable until the deadline. The image does not
                count as sold, unless the gateway has sent a part of it.
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
        """Charge for these calls, by default for the sold ones.

        Raises:
            UnavailableError: The ledger is unavailable until the deadline.
        """
        charged = self.sold if calls is None else calls
        try:
            return await self._settle(charged)
        except BaseException:
            for call in charged:
                if begun := self._begun.get(call.first):  # only these images have been sent
                    self._begun[call.first] = of_which(call, len(begun.images))
            raise

    def _owe(self) -> None:
        """Defer the charge for what is sold, if it is still due: the request ends early."""
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
        """Write to the journal what is due if this process dies now."""
        calls = self._due()
        due = Due(self._holding.hold, self._cost(calls), _images(calls))
        if due.images:
            self._settlements.note(due)
        else:
            self._settlements.forget(due)


def _images(calls: Sequence[FinishedCall]) -> int:
    return sum(len(call.images) for call in calls)


def of_which(call: FinishedCall, images: int) -> FinishedCall:
    """Return a call reduced to what its first images are charged by, without their bytes.

    The usage of the whole call counts with its last image. What the provider reports that the
    call cost is divided evenly among its images.
    """
    made = call.result
    usage = made.usage if images == len(call.images) else None
    result = made._replace(images=(), usage=usage, cost_usd=_share(call, images))
    some = tuple(_without_bytes(image) for image in call.images[:images])
    return replace(call, images=some, result=result)


def _share(call: FinishedCall, images: int) -> Decimal | None:
    reported = call.result.cost_usd
    if images == len(call.images) or not is_usable(reported):
        return reported
    return reported * images / len(call.images)


def _without_bytes(image: FinishedImage) -> FinishedImage:
    """Return an image without its bytes, because a stream may send many, one after another."""
    return replace(image, image=replace(image.image, base64=b""))
