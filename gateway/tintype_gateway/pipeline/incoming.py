"""A request as the HTTP layer hands it to the pipeline."""

from collections.abc import Awaitable, Callable
from dataclasses import field

from tintype_gateway.frozen import frozen_value
from tintype_gateway.ledger.interface import Profile
from tintype_gateway.observability.request_log import RequestLog
from tintype_gateway.pipeline.stages.adapt import Handling
from tintype_gateway.values.content import RequestBody
from tintype_gateway.values.routes import ForcedProvider


@frozen_value(frozen=True)
class Incoming:
    """A request as it arrives, with its body still to be read."""

    request_id: str
    read_body: Callable[[], Awaitable[RequestBody]]
    body_bytes: int = 0
    """How much memory the body may take while it is read."""

    authorization: str | None = None
    provider: ForcedProvider | None = None
    handling: Handling | None = None
    profile: Profile | None = None
    idempotency_key: str | None = None
    is_job: bool = False
    """Whether the request is stored as a job, or comes from one."""

    log: RequestLog = field(default_factory=RequestLog)
    """What the access log will say of the request, filled on its way."""
