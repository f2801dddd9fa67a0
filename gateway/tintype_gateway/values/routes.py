"""Routes of a request: models, bindings, regions and credentials."""

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import NamedTuple

from typing_extensions import override

from tintype_catalog.catalog import Binding, Model
from tintype_catalog.operations import GENERATION_RULE, OperationRule
from tintype_catalog.providers import NO_REGION
from tintype_gateway.frozen import frozen_value


class ForcedProvider(NamedTuple):
    """The provider that a request's header names."""

    header: str
    """The header that the client used."""

    sent: str
    """Its value as the client sent it."""

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.sent.lower()


@frozen_value(frozen=True, slots=True)
class Route:
    """The binding and region chosen for one attempt."""

    binding: Binding
    region: str

    @classmethod
    def all_of(cls, binding: Binding) -> "Iterator[Route]":
        """Yield the routes of a binding, one for each region, the preferred one first."""
        for region in binding.regions or (NO_REGION,):
            yield cls(binding, region)

    @property
    def key(self) -> tuple[str, str]:
        """The name of its binding, and its region."""
        return self.binding.name, self.region

    @override
    def __str__(self) -> str:
        return f"{self.binding.provider}/{self.region}/{self.binding.name}"


@frozen_value(frozen=True, slots=True)
class Candidate:
    """A route that can serve a request, and the credentials for it."""

    route: Route
    credentials: Mapping[str, str] = field(repr=False)
    """The credentials by key."""

    headers: Mapping[str, str] | None = field(default_factory=dict, repr=False)
    """Further headers of the call, which may hold credentials; None if they cannot be used."""

    @property
    def may_be_called(self) -> bool:
        """Whether there are the credentials that the provider needs, which may be none."""
        has_key = bool(self.credentials) or self.route.binding.credentials.none
        return has_key and self.headers is not None

    def at(self, moment: datetime) -> "Candidate":
        """Return the candidate with the price of a moment."""
        binding = self.route.binding.at(moment)
        return replace(self, route=replace(self.route, binding=binding))


@frozen_value(frozen=True, slots=True)
class Target:
    """The model of a request and the routes that can serve it, the best one first."""

    requested: str
    """The model's id as the client wrote it, with any provider prefix."""

    model: Model
    routes: tuple[Route, ...]
    rule: OperationRule = GENERATION_RULE
    """The model's rule for the requested operation."""
