"""Where a request can be served: models, bindings, regions and credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from typing_extensions import override

from tintype_catalog.catalog import Binding, Model
from tintype_catalog.operations import GENERATION_RULE, OperationRule


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
    rule: OperationRule = GENERATION_RULE
    """How the model carries out the operation that is asked for."""
