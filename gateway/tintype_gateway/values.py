"""What flows between the stages: frozen values, named after what they are."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal, NamedTuple

from typing_extensions import override

from tintype_catalog.catalog import Binding, Model
from tintype_catalog.costs import TokenUsage
from tintype_catalog.image_model import Watermark
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.accounts import Hold, Profile, Settlement

FaultKind = Literal[
    "refused",
    "invalid",
    "throttled",
    "unauthorized",
    "unavailable",
    "misconfigured",
    "failed",
    "image_missing",
    "timeout",
    "outcome_unknown",
    "store",
]
"""The one taxonomy that every provider's errors are sorted into; `faults.RULES` tells what follows
from each kind.

refused: the content is refused.
invalid: the request cannot be served as it is.
throttled, unauthorized, unavailable: not processed, for our rate, our credentials, or the provider.
misconfigured: not processed, since the catalog names a model or an endpoint that is not there.
failed: the provider says that it failed, and made no image.
image_missing: the provider ended its work, and says that there is no image.
timeout, outcome_unknown: an image may exist.
store: our own: the image was made, and could not be stored.
"""

ImageFormat = Literal["png", "jpeg", "webp"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """The format that a client asked for."""

    format: ImageFormat
    compression: int | None = None
    """How much of the image a jpeg or webp keeps, in percent; None: all that it can."""

    by_provider: bool = False
    """Whether the provider was asked for all this, so that an image of the format is left as it
    came."""

    def is_met_by(self, form: str) -> bool:
        """Return whether an image that came in this format is left as it is."""
        recompressed = self.compression is not None and not self.by_provider
        return not recompressed and form == self.format


class ForcedProvider(NamedTuple):
    """The provider that a request's header names."""

    header: str
    """The header that the client used."""

    sent: str
    """Its value as it was sent."""

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.sent.lower()


@dataclass(frozen=True, slots=True)
class Route:
    """The binding and region chosen for one attempt."""

    binding: Binding
    region: str

    @override
    def __str__(self) -> str:
        return f"{self.binding.provider}/{self.region}/{self.binding.name}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A route that can serve a request, and the credentials for it."""

    route: Route
    credentials: Mapping[str, str] = field(repr=False)
    """What the route's provider asks for."""


@dataclass(frozen=True, slots=True)
class Target:
    """The model that a request names, and the routes that can serve it, the best one first."""

    requested: str
    """The model's id as the client wrote it, with any provider prefix."""

    model: Model
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """What a provider is asked for, in the model's own values."""

    prompt: str
    images: int
    size: SizeChoice
    parameters: Mapping[str, str | int]
    """The standard parameters that the model takes, such as quality or seed."""

    extras: Mapping[str, object]
    """The provider parameters of the request."""

    adjustments: tuple[str, ...]
    """What was stripped, mapped or clamped, such as `quality=standard->medium`."""

    streamed: bool = False
    """Whether the provider is asked for a stream of events, each image by a call of its own."""

    partial_images: int = 0
    """How many previews of each image the provider is asked for, which may give fewer."""

    encoding: Encoding | None = None
    """The format that the client gets; None: whatever the provider gives."""

    def images_per_call(self, most: int) -> int:
        """Return how many images a call asks for, where the model gives at most so many."""
        return 1 if self.streamed else most

    @property
    def quality(self) -> str | None:
        """The provider's name of the quality, None where it is left to the provider."""
        quality = self.parameters.get("quality")
        return None if quality is None else str(quality)


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client asks for: the part that matters once the request was read."""

    name: str
    """What messages and OpenTelemetry call it."""

    feature: str
    """What a model must list among its supported features."""

    event_prefix: str
    """What the names of a stream's events begin with."""

    def event(self, kind: str) -> str:
        """Return the name of an event of this kind, such as `completed`."""
        return f"{self.event_prefix}.{kind}"


class Delivery(Enum):
    """How the images of a request reach its client: decided once, before money is held."""

    PASS_THROUGH = auto()
    """The first image goes out while it is being read; any further ones are read whole."""

    BUFFERED = auto()
    """All images are read whole, and then sent: several calls, or a conversion."""

    STORED = auto()
    """All images are read whole and stored: for their URLs, or for a repeat of the request."""

    EVENT_STREAM = auto()
    """Each image is sent as an event when it is there."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request will buy: all that is decided before money is held."""

    operation: Operation
    target: Target
    candidates: tuple[Candidate, ...]
    """All that can serve this request, in the order in which they are tried."""

    job: Job
    revision: str
    """The catalog that set the price."""

    body_digest: str
    """The SHA-256 of the request's body."""

    delivery: Delivery = Delivery.BUFFERED
    as_url: bool = False
    """Whether the images are stored, and the client gets their URLs."""

    profile: Profile = "router"
    """The shape of the response."""

    @property
    def model(self) -> Model:
        """The model that makes the images."""
        return self.target.model

    @property
    def route(self) -> Route:
        """The route that is tried first."""
        return self.candidates[0].route

    @property
    def stream(self) -> bool:
        """Whether the client gets a stream of events."""
        return self.delivery is Delivery.EVENT_STREAM


@dataclass(frozen=True, slots=True)
class AwsSigner:
    """What a call to AWS is signed with, at the moment when it is sent (Signature Version 4)."""

    service: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One HTTP call to a provider. Its headers hold a secret, so they stay out of its repr."""

    url: str
    """The URL as it goes over the wire, percent-encoded."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    signer: AwsSigner | None = None
    """Signs the call, where its headers do not prove our identity by themselves."""


class Timeouts(NamedTuple):
    """How long one call to a provider may take, in seconds, each counted from its beginning."""

    connect: float
    """Until the connection is there. Nothing has been sent before."""

    first_byte: float
    """Until the head of the answer is there."""

    total: float
    """Until the answer is complete."""

    @classmethod
    def of(cls, binding: Binding, remaining: float) -> "Timeouts":
        """Return those of a binding, where the request itself has only so many seconds left."""
        total = min(binding.timeout_seconds, remaining)
        first_byte = min(binding.first_byte_timeout_seconds or total, total)
        return cls(min(binding.connect_timeout_seconds, total), first_byte, total)


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call to a provider that is about to be made."""

    first: int
    """The index of its first image among those of the request."""

    asked: int
    """How many images it asks for."""

    job: Job
    """What it asks for, with a seed of its own."""


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """What a provider answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(eq=False)  # not frozen: Python itself writes the traceback of an exception
class UpstreamFault(Exception):
    """A call that gave no image."""

    kind: FaultKind
    message: str
    """What the client may read."""

    code: str | None = None
    """The provider's own name of the error."""

    retry_after_seconds: int | None = None
    param: str | None = None
    """The field of the client's request that the provider names."""

    uncharged: bool = False
    """Whether the provider says that it charges nothing for the call."""

    cause: str | None = None
    """The provider's own words, which may speak of our account: for the log, never for clients."""

    status: int | None = None
    """The HTTP status of the provider's response, None where there was none."""

    request_id: str | None = None
    """The provider's own id of the call."""


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """One image as a provider gave it: base64 text that is never decoded on the way."""

    base64: bytes | memoryview = field(repr=False)
    revised_prompt: str | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """An image that is still being made, as a provider showed it."""

    base64: bytes | memoryview = field(repr=False)
    created: int = 0
    """The provider's own time stamp in Unix seconds, 0 where it gives none."""

    background: str | None = None
    quality: str | None = None


@dataclass(frozen=True, slots=True)
class Generation:
    """What one call to a provider gave."""

    images: tuple[GeneratedImage, ...]
    created: int = 0
    """The provider's own time stamp in Unix seconds, 0 where it gives none."""

    usage: TokenUsage | None = None
    usage_unusable: bool = False
    """Whether the provider counts tokens, and not in a way that a price can be meant for."""

    background: str | None = None
    quality: str | None = None
    rest_refused: bool = False
    """Whether the images that were asked for and are not here were refused for their content."""

    refusal_reasons: tuple[str, ...] = ()
    """Why they were refused, in the provider's words: the last reason is that of all the rest."""

    partial_images: int = 0
    """How many previews came before the images."""


@dataclass(frozen=True, slots=True)
class FinishedImage:
    """One image as the client gets it."""

    image: GeneratedImage
    format: str
    size: Size
    watermark: Watermark
    """What these very bytes carry, which a conversion may have taken from the provider's."""

    url: str | None = None
    """Where the image can be fetched, in the place of its base64."""

    name: str | None = None
    """Its name in the image store, if it is there."""


@dataclass(frozen=True, slots=True)
class PassingImage:
    """An image whose header has arrived, and whose other bytes follow."""

    format: str
    size: Size
    pieces: AsyncGenerator[bytes, None] = field(repr=False)
    """Its base64. It ends early where the provider's response does: how that ended comes next."""


@dataclass(frozen=True, slots=True)
class PassedThrough:
    """An image that was handed on while it was read."""

    placeholder: bytes = field(repr=False)
    """Stands for its base64 in what is left of the provider's response."""

    format: str
    size: Size
    watermark: Watermark


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """One call to a provider with all its images."""

    first: int
    """The index of its first image among those of the request."""

    asked: int
    """How many images it asked for."""

    route: Route
    """The one that it went, after any that failed."""

    generation: Generation
    images: tuple[FinishedImage, ...]

    refused: int = 0
    """How many images the provider refused for their content, each a flagged entry."""

    withheld: int = 0
    """How many it refused where the profile has no such entries, each one of the errors."""

    is_passed: bool = False
    """Whether the first image was passed through before."""

    def flag_reason(self, index: int) -> str | None:
        """Return why the provider refused this one of the refused images, if it said so."""
        reasons = self.generation.refusal_reasons
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


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a successful response."""

    headers: Mapping[str, str]
    length: int | None = None
    """The bytes of the body; None where they are not known yet."""


@dataclass(frozen=True, slots=True)
class End:
    """The last bytes of a response that is complete."""

    data: bytes = field(repr=False)
    receipt: Hold | None = None
    """What paid for it, if it has all that was asked for."""


Part = Head | bytes | memoryview | End
"""Of a response: a head, chunks of the body, and an end, in this order."""


@dataclass(frozen=True, slots=True)
class Response:
    """A successful answer: its body in pieces, so that no image is copied, and its headers."""

    pieces: tuple[bytes | memoryview, ...] = field(repr=False)
    """Texts, and between each two of them the value of one image."""

    headers: Mapping[str, str]
    receipt: Hold
    """The hold that paid for it."""

    @property
    def length(self) -> int:
        """The bytes of the body."""
        return sum(len(piece) for piece in self.pieces)
