"""Takes requests as jobs: planned as any request, then sealed, and queued with a hold."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from tintype_gateway.api.jobs import summary_of
from tintype_gateway.api.operations import ApiOperation
from tintype_gateway.api.response_headers import headers_of
from tintype_gateway.errors import UnavailableError
from tintype_gateway.holds import Idempotency
from tintype_gateway.jobs.admission import (
    JobHooks,
    Unavailable,
    earlier_job,
    find_repeated,
    sealed_webhook,
)
from tintype_gateway.jobs.payload import PIECE_BYTES, Payloads, StoredRequest
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.interface import Caller
from tintype_gateway.ledger.jobs import Job, JobLimits, NewJob
from tintype_gateway.ledger.ordered_ids import ordered_hex
from tintype_gateway.observability import spans
from tintype_gateway.observability.metrics import JOB_SUBMISSIONS
from tintype_gateway.pipeline.client_presence import ClientPresence
from tintype_gateway.pipeline.incoming import Incoming
from tintype_gateway.pipeline.pipeline import Pipeline
from tintype_gateway.storage.interface import StoreError
from tintype_gateway.upstream.translate import check_translation
from tintype_gateway.values.content import JsonBody, RequestBody
from tintype_gateway.values.plan import Plan

MEMORY_SECONDS = 5.0
"""How long a request waits for the memory in which it is sealed."""

COPIES = 6
"""How often a request without images is in memory at once, while it is sealed and stored."""


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
    """Accepts requests as jobs."""

    pipeline: Pipeline
    payloads: Payloads | Unavailable
    webhooks: JobHooks | None
    limits: JobLimits
    retention_seconds: int
    max_upload_bytes: int
    """The most bytes of a request with images."""

    async def submit(
        self, operation: ApiOperation, incoming: Incoming, client: ClientPresence
    ) -> Submitted:
        """Store a request as a job, and return the job.

        Until it is stored, a client that leaves cancels it; then `client` is committed. Nothing is
        stored of a request that is refused.

        Raises:
            AlreadyServedError: A direct request with the same idempotency key was served before.
            GatewayError: The direct request would get this error, or it cannot be a job.
        """
        caller = await self.pipeline.authenticate(incoming)
        payloads = self.payloads
        if isinstance(payloads, Unavailable):
            raise payloads.error
        if incoming.idempotency_key is None:  # before its body arrives
            await self._find_repeated(caller, None)
        body = _Read(incoming.read_body)
        plan = await self.pipeline.plan(
            operation, replace(incoming, read_body=body, is_job=True), caller
        )
        if (key := incoming.idempotency_key) is not None:
            job = await self._find_repeated(caller, Idempotency(key, plan.body_digest))
            if job is not None:
                return _repeat(plan, job)
        return await self._queued(caller, incoming, plan, body.body, payloads, client)

    async def _find_repeated(self, caller: Caller, idempotency: Idempotency | None) -> Job | None:
        ledger = self.pipeline.ledger
        return await find_repeated(ledger, caller.account, idempotency, self.limits)

    async def _queued(
        self,
        caller: Caller,
        incoming: Incoming,
        planned: Plan,
        body: RequestBody,
        payloads: Payloads,
        client: ClientPresence,
    ) -> Submitted:
        """Have a request judged, store it, and queue its job."""
        job_id = f"job_{ordered_hex()}"
        webhook = await sealed_webhook(self.webhooks, caller, job_id, planned.webhook_url)
        plan = planned
        if self.pipeline.guardrail is not None:
            plan = await self.pipeline.guardrail.admitted(
                planned, caller, incoming.request_id, incoming.log
            )
        plan = self.pipeline.priced(plan)
        check_translation(plan)
        client.commit()
        prompt = None if plan.job.prompt == planned.job.prompt else plan.job.prompt
        request = _stored_request(plan, incoming, body, prompt)
        try:
            async with self._sealed(payloads, job_id, request) as payload:
                new = self._new_job(job_id, plan, payload, webhook)
                hold = self.pipeline.hold_request(incoming, plan)
                job = await self.pipeline.ledger.submit_job(caller, hold, new, self.limits)
        except LedgerError as error:
            job = await earlier_job(self.pipeline.ledger, caller.account, error)
            return _repeat(plan, job)
        JOB_SUBMISSIONS.labels("accepted").inc()
        return Submitted(job, _headers(plan, job))

    @asynccontextmanager
    async def _sealed(
        self, payloads: Payloads, job_id: str, request: StoredRequest
    ) -> AsyncIterator[bytes]:
        """Give a sealed request to the block. If the block fails, nothing of it stays stored.

        That holds where nobody knows whether the job was queued: its client gets an error, the
        ledger cancels it, and if it is started before, it fails free of charge.
        """
        memory, size = self.pipeline.memory, _bytes_to_seal(request.body)
        async with memory.reserved_soon(size, MEMORY_SECONDS):
            payload = await _stored(payloads, job_id, request)
            try:
                yield payload
            except BaseException:
                await asyncio.shield(payloads.discard(job_id, payload))
                raise

    def _new_job(self, job_id: str, plan: Plan, payload: bytes, webhook: bytes | None) -> NewJob:
        return NewJob(
            id=job_id,
            operation=plan.operation.name,
            model=plan.model.id,
            summary=summary_of(plan),
            payload=payload,
            trace_parent=spans.trace_parent(),
            webhook=webhook,
            retention_seconds=self.retention_seconds,
        )


class _Read:
    """Reads the body of a request, and keeps it."""

    body: RequestBody

    def __init__(self, read: Callable[[], Awaitable[RequestBody]]) -> None:
        self._read = read

    async def __call__(self) -> RequestBody:
        self.body = await self._read()
        return self.body


def _repeat(plan: Plan, job: Job) -> Submitted:
    return Submitted(job, _headers(plan, job), is_repeat=True)


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
    """Return the memory that the sealing of a body takes: all of it, or each piece of an image."""
    if isinstance(body, JsonBody):
        return COPIES * len(body.text)
    uploads = body.images if body.mask is None else (*body.images, body.mask)
    return 3 * min(PIECE_BYTES, max(upload.content.length for upload in uploads))


async def _stored(payloads: Payloads, job_id: str, request: StoredRequest) -> bytes:
    try:
        return await payloads.seal(job_id, request)
    except StoreError as error:
        raise UnavailableError(
            f"the request cannot be stored: {error}; no image was requested",
            code="image_store_unavailable",
            retry=True,
            retry_after_seconds=5,
        ) from error
