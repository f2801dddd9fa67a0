"""What the calls of a request bring, in the order in which it happens."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from enum import Enum

from tintype_catalog.sizes import Size
from tintype_gateway.accounts import Settlement
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, FinishedImage, Preview
from tintype_gateway.values.routes import Route


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """One call to a provider with all its images."""

    first: int
    """The index of its first image among those of the request."""

    asked: int
    """How many images it asked for."""

    route: Route
    """The one that it went, after any that failed."""

    result: CallResult
    images: tuple[FinishedImage, ...]

    refused: int = 0
    """How many images the provider refused for their content, each a flagged entry."""

    withheld: int = 0
    """How many it refused where the profile has no such entries, each one of the errors."""

    is_passed: bool = False
    """Whether the first image was passed through before."""

    def flag_reason(self, index: int) -> str | None:
        """Return why the provider refused this one of the refused images, if it said so."""
        reasons = self.result.refusal_reasons
        return reasons[min(index, len(reasons) - 1)] if reasons else None


@dataclass(frozen=True, slots=True)
class ImageStarted:
    """An image that is passed through: take all its pieces before the next event."""

    call: FinishedCall
    """What is known of its call by now: this one image, without its bytes."""

    pieces: AsyncGenerator[bytes, None] = field(repr=False)
    """Its base64. It ends early where the provider's response does: how that ended comes next."""


@dataclass(frozen=True, slots=True)
class PartialImage:
    """A preview as the client gets it."""

    index: int
    """The index of the image among those of the request."""

    number: int
    """How many previews of this image came before."""

    preview: Preview
    format: str
    size: Size
    route: Route
    """The one that its call goes."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What one image of a stream costs."""

    credits: int
    """Micro-credits. Those of all images together are what is charged."""

    settlement: Settlement | None = None
    """How all of them were charged, known with the last one."""


@dataclass(frozen=True, slots=True)
class FailedCall:
    """One call to a provider that gave nothing."""

    first: int
    asked: int
    route: Route
    """The one that the fault is of."""

    fault: UpstreamFault


@dataclass(frozen=True, slots=True)
class AbandonedCall:
    """One call that was cancelled since its client left before anything of it was sent."""

    first: int


class Heartbeat(Enum):
    """An event: nothing has happened for a while."""

    BEAT = 0


CallEvent = ImageStarted | PartialImage | FinishedCall | FailedCall
"""What one call brings: its end comes last."""


ExecutorEvent = CallEvent | AbandonedCall | Heartbeat
"""What the calls of a request bring, in the order in which it happens."""
