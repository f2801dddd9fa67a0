"""How one request is served: by when, and where each of its calls goes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tintype_gateway.pipeline.request_metrics import route_facts
from tintype_gateway.upstream.deadline import Deadline
from tintype_gateway.values import Plan, PlannedCall, Route


@dataclass(frozen=True)
class Course:
    """The course of a request that is being served."""

    plan: Plan
    deadline: Deadline
    facts: dict[str, Any]
    """What the access log will say of the request."""

    _routes: dict[int, Route] = field(default_factory=dict)
    """The newest route of each call, by the index of its first picture."""

    @classmethod
    def begin(cls, plan: Plan, facts: dict[str, Any]) -> "Course":
        """Begin to serve a request. The binding that it is meant for sets its deadline."""
        return cls(plan, Deadline(plan.route.binding.timeout_seconds), facts)

    @property
    def routes(self) -> Iterable[Route]:
        """The routes of all calls as far as they are known now, else the one that is meant."""
        return list(self._routes.values()) or [self.plan.route]

    def go(self, planned: PlannedCall, route: Route) -> None:
        """Note that a call goes this route now."""
        self._routes[planned.first] = route
        self.facts.update(route_facts(route))

    def route_of(self, index: int) -> Route:
        """Return the route of the call for one picture of a stream."""
        return self._routes[index]
