"""How one request is served: by when, and where each of its calls goes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tintype_gateway.pipeline.request_metrics import route_facts
from tintype_gateway.runtime.memory_budget import Reservation
from tintype_gateway.upstream.deadline import Deadline
from tintype_gateway.values import Plan, PlannedCall, Route


@dataclass(frozen=True)
class RequestContext:
    """What all that serves one request shares."""

    plan: Plan
    request_id: str
    deadline: Deadline
    facts: dict[str, Any]
    """What the access log will say of the request."""

    reservation: Reservation
    """The memory that is kept for it."""

    _routes: dict[int, Route] = field(default_factory=dict)
    """The newest route of each call, by the index of its first image."""

    @classmethod
    def begin(
        cls, plan: Plan, request_id: str, facts: dict[str, Any], reservation: Reservation
    ) -> "RequestContext":
        """Begin to serve a request. The binding that is tried first sets its deadline."""
        deadline = Deadline(plan.route.binding.timeout_seconds)
        return cls(plan, request_id, deadline, facts, reservation)

    @property
    def routes(self) -> Iterable[Route]:
        """The routes of all calls as far as they are known now, else the one to try first."""
        return list(self._routes.values()) or [self.plan.route]

    def go(self, planned: PlannedCall, route: Route) -> None:
        """Note that a call goes this route now."""
        self._routes[planned.first] = route
        self.facts.update(route_facts(route))
