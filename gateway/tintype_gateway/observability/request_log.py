"""The fields of one request in the access log, set while the request is served."""

from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, TypeAlias, TypeVar

from tintype_gateway.values.plan import Plan
from tintype_gateway.values.routes import Route

MAX_USER_CHARACTERS = 64


class Absent(Enum):
    """The value of a field that is absent from the line."""

    ABSENT = 0


ABSENT = Absent.ABSENT

T = TypeVar("T")
Maybe: TypeAlias = T | Absent


@dataclass(slots=True)
class RequestLog:
    """The fields of a line, in order. An absent field is omitted; None becomes `null`."""

    request_id: Maybe[str] = ABSENT
    method: Maybe[str] = ABSENT
    route: Maybe[str] = ABSENT
    """The route's path pattern."""

    seconds: Maybe[float] = ABSENT
    provider_seconds: Maybe[float] = ABSENT
    """The time during which at least one call to a provider was in progress."""

    queue_seconds: Maybe[float] = ABSENT
    """The time during which at least one call waited for a slot of its binding."""

    queue_position: Maybe[int] = ABSENT
    """The position in the queue that a call found; the highest one of several calls."""

    overhead_seconds: Maybe[float] = ABSENT
    """The rest of the time, during which no call was in progress or waited for a slot."""

    request_bytes: Maybe[int] = ABSENT
    trace_id: Maybe[str] = ABSENT
    account: Maybe[str] = ABSENT
    key: Maybe[str] = ABSENT
    """The id of the API key."""

    admin: Maybe[str] = ABSENT
    """The name of the admin token, or NAMESPACE/NAME of the ServiceAccount."""

    admin_role: Maybe[str] = ABSENT
    profile: Maybe[str] = ABSENT
    model: Maybe[str] = ABSENT
    provider: Maybe[str] = ABSENT
    region: Maybe[str] = ABSENT
    binding: Maybe[str] = ABSENT
    images: Maybe[int] = ABSENT
    """The number of requested images."""

    stream: Maybe[bool] = ABSENT
    adjustments: Maybe[list[str]] = ABSENT
    user: Maybe[str | None] = ABSENT
    """The end user that the request names, or None."""

    guardrail: Maybe[str] = ABSENT
    """The verdict of the policy service on the prompt, or what came of none: `failed_open`,
    `failed_closed`, or `exempt` for an account that is not checked."""

    guardrail_images: Maybe[str] = ABSENT
    """The same of the images that were made; of several calls, the last one."""

    replay_of: Maybe[str] = ABSENT
    """The id of the request whose stored response was sent again."""

    job: Maybe[str] = ABSENT
    """The id of the job that the request made, or asked after."""

    cost_micro_credits: Maybe[int] = ABSENT
    error: Maybe[str | None] = ABSENT
    """The code of the error, or None for an error without a code."""

    bytes: Maybe[int] = ABSENT
    """The bytes of the response's body."""

    attempts: Maybe[int] = ABSENT
    """The number of calls to providers."""

    late_status: int | None = None
    """The status of an error after the head of a successful response was sent. It replaces the
    status in the line, and is not a field of its own."""

    def note_plan(self, plan: Plan) -> None:
        """Set the fields of a request's plan."""
        self.model = plan.model.id
        self.note_route(plan.route)
        self.images = plan.job.images
        self.stream = plan.stream
        self.adjustments = list(plan.job.adjustments)
        self.user = plan.user and plan.user[:MAX_USER_CHARACTERS]

    def note_route(self, route: Route) -> None:
        """Set the fields of the newest route."""
        self.provider = route.binding.provider
        self.region = route.region
        self.binding = route.binding.name

    def fields(self) -> dict[str, Any]:
        """Return the fields of the line that are set."""
        return {name: value for name in _FIELDS if (value := getattr(self, name)) is not ABSENT}


_FIELDS = tuple(each.name for each in fields(RequestLog) if each.name != "late_status")
