"""The state of one request: deadline, reservation and routes."""

from collections.abc import Iterable
from dataclasses import field

from tintype_gateway.frozen import frozen_value
from tintype_gateway.observability.request_log import RequestLog
from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.runtime.memory_budget import Reservation
from tintype_gateway.values.call_journal import NO_JOURNAL, CallJournal
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import PlannedCall


@frozen_value(frozen=True)
class RequestContext:
    """The state that all code serving one request shares."""

    plan: Plan
    request_id: str
    deadline: Deadline
    log: RequestLog
    """The fields of the request's access log line."""

    reservation: Reservation
    """The memory reservation of the request."""

    journal: CallJournal = NO_JOURNAL
    """Notes what becomes of the calls."""

    _routes: dict[int, Route] = field(default_factory=dict)
    """The newest route of each call, by the index of its first image."""

    @classmethod
    def begin(
        cls,
        plan: Plan,
        request_id: str,
        log: RequestLog,
        reservation: Reservation,
        journal: CallJournal = NO_JOURNAL,
    ) -> "RequestContext":
        """Start to serve a request. The binding of the first candidate sets the deadline."""
        deadline = Deadline(plan.route.binding.timeout_seconds)
        return cls(plan, request_id, deadline, log, reservation, journal)

    @property
    def account(self) -> str:
        """The account of the caller, or an empty string for a request without one."""
        account = self.log.account
        return account if isinstance(account, str) else ""

    @property
    def routes(self) -> Iterable[Route]:
        """The routes of all calls so far, or the first candidate's."""
        return list(self._routes.values()) or [self.plan.route]

    def go(self, planned: PlannedCall, route: Route) -> None:
        """Record the current route of a call."""
        self._routes[planned.first] = route
        self.log.note_route(route)
