"""Plans the stored request of a job, as that of a direct request is planned."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tintype_gateway.api.operations import OPERATIONS
from tintype_gateway.errors import ForbiddenError
from tintype_gateway.guardrails.prompts import with_prompt
from tintype_gateway.jobs.patience import persisted
from tintype_gateway.jobs.payload import StoredRequest
from tintype_gateway.ledger.interface import Caller
from tintype_gateway.ledger.jobs import Job
from tintype_gateway.ledger.validation import SUSPENDED
from tintype_gateway.observability.request_log import RequestLog
from tintype_gateway.pipeline.incoming import Incoming
from tintype_gateway.pipeline.pipeline import Pipeline
from tintype_gateway.values.content import JsonBody, RequestBody
from tintype_gateway.values.events import FinishedCall
from tintype_gateway.values.plan import Delivery, Plan


@dataclass(frozen=True)
class JobPlan:
    """The plan of a job. All of its images are stored."""

    plan: Plan
    as_url: bool
    """Whether the result has the URLs of the images."""

    pipeline: Pipeline

    def cost(self, calls: Sequence[FinishedCall]) -> int:
        """Return the cost of calls together, in micro-credits."""
        return self.pipeline.cost(self.plan, calls)

    def unpaid(self, calls: Sequence[FinishedCall]) -> int:
        """Return what providers report above the ceilings of calls, in micro-credits."""
        return self.pipeline.unpaid(self.plan, calls)


async def plan_job(
    pipeline: Pipeline,
    job: Job,
    request: StoredRequest,
    log: RequestLog,
    routes: Collection[tuple[str, str]],
) -> JobPlan:
    """Return the plan of a job by the catalog of this moment, at the prices of its submission.

    `routes` are the bindings and regions that have tasks of the job, which come first.

    Raises:
        GatewayError: It cannot be served any more.
        OverloadedError: There is no memory for it now.
    """
    log.account, log.key = job.account, job.key_id
    caller = await _caller(pipeline, job)

    async def read_body() -> RequestBody:
        return request.body

    incoming = Incoming(
        request_id=job.request_id,
        read_body=read_body,
        body_bytes=len(request.body.text) if isinstance(request.body, JsonBody) else 0,
        provider=request.provider,
        handling=request.handling,
        profile=request.profile,
        is_job=True,
        log=log,
    )
    operation = next(each for each in OPERATIONS if each.name == request.operation)
    plan = await pipeline.planner.plan(operation, incoming, caller, routes)
    delivery = Delivery.EVENT_STREAM if plan.stream else Delivery.STORED
    stored = replace(plan.at(job.created_at), delivery=delivery, as_url=True)
    if request.prompt is not None:
        stored = with_prompt(stored, request.prompt)
    if pipeline.guardrail is not None:
        stored = pipeline.guardrail.buffered(stored, caller)
    return JobPlan(stored, plan.as_url, pipeline)


async def _caller(pipeline: Pipeline, job: Job) -> Caller:
    account = await persisted(job.id, partial(pipeline.ledger.account, job.account))
    if account.suspended:
        raise ForbiddenError(SUSPENDED.format(account.name), code="account_suspended")
    return account.policy.caller(account.name, job.key_id)
