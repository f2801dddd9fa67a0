"""How one request is served: by when, and where each of its calls goes."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tintype_gateway.observability.request_log import RequestLog
from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.runtime.memory_budget import Reservation
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import PlannedCall


@dataclass(frozen=True)
class RequestContext:
    """What all that serves one request shares."""

    plan: Plan
    request_id: str
    deadline: Deadline
    log: RequestLog
    """What the access log will say of the request."""

    reservation: Reservation
    """The memory that is kept for it."""

    _routes: dict[int, Route] = field(default_factory=dict)
    """The newest route of each call, by the index of its first image."""

    @classmethod
    def begin(
        cls, plan: Plan, request_id: str, log: RequestLog, reservation: Reservation
    ) -> "RequestContext":
        """Begin to serve a request. The binding that is tried first sets its deadline."""
        deadline = Deadline(plan.route.binding.timeout_seconds)
        return cls(plan, request_id, deadline, log, reservation)

    @property
    def routes(self) -> Iterable[Route]:
        """The routes of all calls as far as they are known now, else the one to try first."""
        return list(self._routes.values()) or [self.plan.route]

    def go(self, planned: PlannedCall, route: Route) -> None:
        """Note that a call goes this route now."""
        self._routes[planned.first] = route
        self.log.note_route(route)
