"""The plan of a request, which is decided before credits are held."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto

from tintype_catalog.catalog import Model
from tintype_catalog.operations import OperationName
from tintype_gateway.accounts import Profile
from tintype_gateway.frozen import frozen_value
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Candidate, Route, Target


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: the part that matters after the request was parsed."""

    name: str
    """Its name in messages and in OpenTelemetry."""

    rule: OperationName
    """The key of the operation among a model's `operations`."""

    feature: str
    """The feature that a model must have."""

    event_prefix: str
    """The prefix of the event names of a stream."""

    def event(self, kind: str) -> str:
        """Return the name of an event of this kind, such as `completed`."""
        return f"{self.event_prefix}.{kind}"


class Delivery(Enum):
    """How the images of a request reach its client: decided once, before credits are held."""

    PASS_THROUGH = auto()
    """Images are sent while they arrive, as far as the response leaves no doubt of them."""

    BUFFERED = auto()
    """All images are read as a whole, and then sent: several calls, or a conversion."""

    STORED = auto()
    """All images are read as a whole and stored: for their URLs, or for idempotent repeats."""

    EVENT_STREAM = auto()
    """Each image is sent as an event as soon as it is complete."""


@frozen_value(frozen=True, slots=True)
class Plan:
    """The plan of a request: everything that is decided before credits are held."""

    operation: Operation
    target: Target
    candidates: tuple[Candidate, ...]
    """The candidates for this request, in the order of attempts."""

    job: Job
    revision: str
    """The catalog that has the prices."""

    body_digest: str
    """A digest of the operation and the body, which is equal for repeats of a request with an
    idempotency key."""

    delivery: Delivery = Delivery.BUFFERED
    as_url: bool = False
    """Whether the images are stored, and the client gets their URLs."""

    profile: Profile = "router"
    """The response profile."""

    user: str | None = None
    """The end user that the request names."""

    webhook_url: str | None = field(default=None, repr=False)
    """The URL that is told when the request has ended, if it is a job."""

    passing_images: int = 1
    """The number of first images that pass through if `delivery` says so and nothing is in doubt.
    """

    checks_images: bool = False
    """Whether the policy service judges the images before they are delivered."""

    @property
    def model(self) -> Model:
        """The model that makes the images."""
        return self.target.model

    @property
    def route(self) -> Route:
        """The first route."""
        return self.candidates[0].route

    def at(self, moment: datetime) -> "Plan":
        """Return the plan at the prices of a moment, that of the hold.

        From then on they stay: ceiling, cost and charge of the request are made from them, however
        long it takes. It is the plan itself where no price changes.
        """
        if not any(candidate.route.binding.price_changes for candidate in self.candidates):
            return self
        return replace(self, candidates=tuple(each.at(moment) for each in self.candidates))

    @property
    def stream(self) -> bool:
        """Whether the client gets a stream of events."""
        return self.delivery is Delivery.EVENT_STREAM
