"""What a request will buy, decided before money is held."""

from dataclasses import dataclass
from enum import Enum, auto

from tintype_catalog.catalog import Model
from tintype_catalog.operations import OperationName
from tintype_gateway.accounts import Profile
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Candidate, Route, Target


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client asks for: the part that matters once the request was read."""

    name: str
    """What messages and OpenTelemetry call it."""

    rule: OperationName
    """Which of a model's `operations` says how it carries this one out."""

    feature: str
    """What a model must have among its features."""

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
    """Names the operation and what the body says: equal for a request that is sent again."""

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
