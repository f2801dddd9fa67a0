"""Takes requests as jobs: planned as any request, then sealed, and queued with a hold."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from tintype_gateway.api.jobs import summary_of
from tintype_gateway.api.operations import ApiOperation
from tintype_gateway.api.response_headers import headers_of
from tintype_gateway.errors import (
    AlreadyServedError,
    BadRequestError,
    ForbiddenError,
    UnavailableError,
)
from tintype_gateway.jobs.payload import PIECE_BYTES, Payloads, StoredRequest
from tintype_gateway.ledger.errors import (
    IdempotencyReplayError,
    IdempotentJobError,
    JobQueueFullError,
    LedgerError,
    LedgerUnavailableError,
)
from tintype_gateway.ledger.interface import Caller
from tintype_gateway.ledger.jobs import Job, JobLimits, NewJob
from tintype_gateway.ledger.ordered_ids import ordered_hex
from tintype_gateway.observability import spans
from tintype_gateway.observability.metrics import JOB_SUBMISSIONS
from tintype_gateway.pipeline.client_presence import ClientPresence
from tintype_gateway.pipeline.incoming import Incoming
from tintype_gateway.pipeline.pipeline import Pipeline
from tintype_gateway.pipeline.stages.hold import refusal
from tintype_gateway.storage.interface import StoreError
from tintype_gateway.upstream.translate import check_translation
from tintype_gateway.values.content import JsonBody, RequestBody
from tintype_gateway.values.plan import Plan


@dataclass(frozen=True)
class Unavailable:
    """Why a gateway takes no jobs, for clients that submit one."""

    message: str
    code: str = "jobs_unavailable"


NO_STORE = Unavailable(
    "`Prefer: respond-async` needs an image store, which this gateway does not have"
    " (AWS_S3_BUCKET or TINTYPE_IMAGE_STORE_DIR)",
    "image_store_required",
)
NO_KEY = Unavailable(
    "`Prefer: respond-async` needs a key that encrypts the requests of jobs, which this gateway"
    " does not have (TINTYPE_JOBS_KEY_FILE)"
)
DISABLED = Unavailable("this gateway takes no jobs (TINTYPE_JOBS_ENABLED)")


MEMORY_SECONDS = 5.0
"""How long a request waits for the memory in which it is sealed."""


class JobHooks(Protocol):
    """What the webhooks of jobs are checked by."""

    async def accepted(self, caller: Caller, job_id: str, url: str) -> bytes:
        """Return the sealed URL that is told of the end of a job.

        Raises:
            GatewayError: The account may have no webhooks, or this URL cannot be one.
        """


@dataclass(frozen=True)
class Submitted:
    """A job that was submitted."""

    job: Job
    headers: Mapping[str, str]
    """Those that the direct response would have before its calls are made."""

    is_repeat: bool = False
    """Whether an earlier request with the same idempotency key made it."""


@dataclass(frozen=True)
class Submissions:
    """What takes the jobs of one process."""

    pipeline: Pipeline
    payloads: Payloads | Unavailable
    webhooks: JobHooks | None
    limits: JobLimits
    retention_seconds: int

    async def submit(
        self, operation: ApiOperation, incoming: Incoming, client: ClientPresence
    ) -> Submitted:
        """Store a request as a job, and return the job.

        Until it is stored, a client that leaves cancels it; then `client` is committed.

        Raises:
            AlreadyServedError: A direct request with the same idempotency key was served before.
            GatewayError: The direct request would get this error, or it cannot be a job.
        """
        caller = await self.pipeline.authenticate(incoming)
        payloads = self.payloads
        if isinstance(payloads, Unavailable):
            raise BadRequestError(payloads.message, code=payloads.code, param="Prefer")
        body = _Read(incoming.read_body)
        planned = plan = await self.pipeline.plan(
            operation, replace(incoming, read_body=body, is_job=True), caller
        )
        if self.pipeline.guardrail is not None:
            given = caller, incoming.request_id, incoming.log
            plan = await self.pipeline.guardrail.admitted(planned, *given)
        check_translation(plan)
        job_id = f"job_{ordered_hex()}"
        webhook = None
        if plan.webhook_url is not None:
            webhook = await self._webhook(caller, job_id, plan.webhook_url)
        client.commit()
        prompt = None if plan.job.prompt == planned.job.prompt else plan.job.prompt
        request = _stored_request(plan, incoming, body.body, prompt)
        sealing_bytes = _bytes_to_seal(body.body)
        async with self.pipeline.memory.reserved_soon(sealing_bytes, MEMORY_SECONDS):
            payload = await _sealed(payloads, job_id, request)
        new = NewJob(
            id=job_id,
            operation=plan.operation.name,
            model=plan.model.id,
            summary=summary_of(plan),
            payload=payload,
            trace_parent=spans.trace_parent(),
            webhook=webhook,
            retention_seconds=self.retention_seconds,
        )
        try:
            return await self._submit(caller, incoming, plan, new)
        except LedgerUnavailableError as error:
            raise refusal(error) from error  # perhaps it is stored: its images stay for their time
        except LedgerError as error:
            await payloads.discard(job_id, payload)
            return await self._repeated(caller, plan, error)

    async def _webhook(self, caller: Caller, job_id: str, url: str) -> bytes:
        if self.webhooks is None:
            raise ForbiddenError(
                "the account may have no webhooks", code="webhooks_not_allowed", param="webhook_url"
            )
        return await self.webhooks.accepted(caller, job_id, url)

    async def _submit(
        self, caller: Caller, incoming: Incoming, plan: Plan, new: NewJob
    ) -> Submitted:
        request = self.pipeline.hold_request(incoming, plan)
        job = await self.pipeline.ledger.submit_job(caller, request, new, self.limits)
        JOB_SUBMISSIONS.labels("accepted").inc()
        return Submitted(job, _headers(plan, job))

    async def _repeated(self, caller: Caller, plan: Plan, error: LedgerError) -> Submitted:
        """Return the job of an earlier request with the same idempotency key, or raise the error.

        Raises:
            GatewayError: There is none.
        """
        match error:
            case IdempotentJobError():
                try:
                    job = await self.pipeline.ledger.job(caller.account, error.job_id)
                except LedgerError as failure:
                    raise refusal(failure) from failure
                JOB_SUBMISSIONS.labels("repeated").inc()
                return Submitted(job, _headers(plan, job), is_repeat=True)
            case IdempotencyReplayError():
                raise AlreadyServedError(str(error), error.request_id) from error
            case JobQueueFullError():
                JOB_SUBMISSIONS.labels("queue_full").inc()
        raise refusal(error) from error


class _Read:
    """Reads the body of a request, and keeps it."""

    body: RequestBody

    def __init__(self, read: Callable[[], Awaitable[RequestBody]]) -> None:
        self._read = read

    async def __call__(self) -> RequestBody:
        self.body = await self._read()
        return self.body


def _stored_request(
    plan: Plan, incoming: Incoming, body: RequestBody, prompt: str | None
) -> StoredRequest:
    return StoredRequest(
        plan.operation.name, body, incoming.provider, incoming.handling, plan.profile, prompt
    )


def _headers(plan: Plan, job: Job) -> dict[str, str]:
    headers = headers_of(plan, (), job.hold)
    del headers["Tintype-Route"]  # no call is made yet
    return headers


def _bytes_to_seal(body: RequestBody) -> int:
    """Return the memory that the sealing of a body takes: three copies of it, or of each piece."""
    if isinstance(body, JsonBody):
        return 3 * len(body.text)
    return 3 * min(PIECE_BYTES, max(upload.content.length for upload in body.images))


async def _sealed(payloads: Payloads, job_id: str, request: StoredRequest) -> bytes:
    try:
        return await payloads.seal(job_id, request)
    except StoreError as error:
        raise UnavailableError(
            f"the request cannot be stored: {error}; no image was requested",
            code="image_store_unavailable",
            retry=True,
            retry_after_seconds=5,
        ) from error
