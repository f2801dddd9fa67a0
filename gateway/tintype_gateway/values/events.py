"""The events of the calls of a request."""

from collections.abc import AsyncGenerator
from dataclasses import field
from enum import Enum

from tintype_catalog.sizes import Size
from tintype_gateway.frozen import frozen_value
from tintype_gateway.holds import Settlement
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, FinishedImage, Preview
from tintype_gateway.values.routes import Route


@frozen_value(frozen=True, slots=True)
class FinishedCall:
    """One call to a provider with all its images."""

    first: int
    """The index of its first image among the images of the request."""

    asked: int
    """The number of images that it asked for."""

    route: Route
    """The route that served the call, after any failovers."""

    result: CallResult
    images: tuple[FinishedImage, ...]

    refused: int = 0
    """The number of images that the provider refused for their content, as flagged entries."""

    withheld: int = 0
    """The number of refused images in a profile without flagged entries, which become errors."""

    passed: int = 0
    """The number of its first images that were passed through."""

    def flag_reason(self, index: int) -> str | None:
        """Return the provider's reason for refusing one of the refused images, if there is one."""
        reasons = self.result.refusal_reasons
        return reasons[min(index, len(reasons) - 1)] if reasons else None


@frozen_value(frozen=True, slots=True)
class ImageStarted:
    """An image that passes through: the consumer must read all pieces before the next event."""

    call: FinishedCall
    """The call as far as it is known: the images up to this one, without their bytes."""

    pieces: AsyncGenerator[bytes | memoryview, None] = field(repr=False)
    """The base64. It ends early if the response does; the next event is then the failure."""

    longest: int | None = None
    """The most bytes of the base64 of a first image: what remains of the provider's response, if
    that is known."""


@frozen_value(frozen=True, slots=True)
class PartialImage:
    """A preview for the client."""

    index: int
    """The index of the image among the images of the request."""

    number: int
    """The number of earlier previews of this image."""

    preview: Preview
    format: str
    size: Size | None
    route: Route
    """The route of its call."""


@frozen_value(frozen=True, slots=True)
class Charge:
    """The charge for one image of a stream."""

    credits: int
    """Micro-credits. The charge of the request is the sum over its images."""

    settlement: Settlement | None = None
    """The settlement of the whole request, with the last image only."""


@frozen_value(frozen=True, slots=True)
class FailedCall:
    """One failed call to a provider."""

    first: int
    asked: int
    route: Route
    """The route of the fault."""

    fault: UpstreamFault


@frozen_value(frozen=True, slots=True)
class AbandonedCall:
    """One call that was cancelled because its client disconnected before anything was sent."""

    first: int


class Heartbeat(Enum):
    """An event after a time without other events."""

    BEAT = 0


@frozen_value(frozen=True, slots=True)
class WaitingForSlot:
    """A call waits, because its binding has as many calls as it takes at once."""

    position: int
    """Its position in the queue; 1 is the next."""


CallEvent = WaitingForSlot | ImageStarted | PartialImage | FinishedCall | FailedCall
"""The events of one call: the last one is its outcome."""


ExecutorEvent = CallEvent | AbandonedCall | Heartbeat
"""The events of the calls of a request, in order of time."""
