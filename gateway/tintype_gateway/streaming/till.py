"""What a stream costs: counted picture by picture, charged once."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from tintype_gateway.errors import UnavailableError
from tintype_gateway.ledger.interface import Settlement
from tintype_gateway.values import Charge, FinishedCall, FinishedImage

log = logging.getLogger(__name__)

Settle = Callable[[Sequence[FinishedCall]], Awaitable[Settlement]]
"""Charges for these calls, which may hold fewer pictures than were made."""


class Till:
    """Counts the pictures whose events have begun to be sent.

    A picture counts from the first byte on, since whoever has most of it has the picture. The one
    charge is made before the last event is sent, or when the client leaves.
    """

    def __init__(self, cost: Callable[[Sequence[FinishedCall]], int], settle: Settle) -> None:
        self._cost = cost
        self._settle = settle
        self._sold: dict[int, FinishedCall] = {}
        self._announced = 0
        self._closed = False

    @property
    def sold(self) -> list[FinishedCall]:
        """The calls, each with its pictures that have begun to be sent."""
        return list(self._sold.values())

    @property
    def is_open(self) -> bool:
        """Whether the charge is still to be made."""
        return not self._closed

    async def sell(self, call: FinishedCall, pictures: int, *, is_last: bool) -> Charge:
        """Count so many pictures of a call as sent, and return what the newest of them costs.

        With the last one of the stream, the charge is made.

        Raises:
            UnavailableError: The ledger could not be told, and the picture does not count.
        """
        sold = {**self._sold, call.first: _of_which(call, pictures)}
        settlement = await self._charge(sold) if is_last else None
        self._sold = sold
        total = settlement.charged if settlement else self._cost(self.sold)
        credits, self._announced = total - self._announced, total
        return Charge(credits, settlement)

    async def close(self) -> None:
        """Charge for all that is sold.

        Raises:
            UnavailableError: The ledger could not be told.
        """
        await self._charge(self._sold)

    async def close_early(self) -> None:
        """Charge for what is sold, if that was not done, because the stream ends before its end."""
        if self._closed or not any(call.images for call in self.sold):
            return
        try:
            await self.close()
        except UnavailableError as error:
            log.error("pictures were sent that nobody paid for", extra={"error": str(error)})

    async def _charge(self, sold: Mapping[int, FinishedCall]) -> Settlement:
        self._closed = True  # whoever stops waiting does not stop the ledger
        try:
            return await self._settle(list(sold.values()))
        except UnavailableError:
            self._closed = False
            raise


def _of_which(call: FinishedCall, pictures: int) -> FinishedCall:
    """Return a call with what its first pictures are charged by, and without their bytes.

    What the call used as a whole counts with its last picture.
    """
    usage = call.generation.usage if pictures == len(call.images) else None
    generation = replace(call.generation, images=(), usage=usage)
    images = tuple(_without_bytes(image) for image in call.images[:pictures])
    return replace(call, images=images, generation=generation)


def _without_bytes(image: FinishedImage) -> FinishedImage:
    """Return a picture that holds nothing in memory: a stream may send many, one after another."""
    return replace(image, image=replace(image.image, base64=b""))
