"""The routes of jobs: what `Prefer: respond-async` makes of a request, and what becomes of it."""

import re
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import AsyncExitStack, aclosing

from aiohttp import web

from tintype_gateway.api.jobs import JOBS_PATH, POLL_SECONDS, etag_of, job_list, job_path
from tintype_gateway.api.operations import ApiOperation
from tintype_gateway.errors import AlreadyServedError, BadRequestError
from tintype_gateway.http.app_keys import JOBS, PIPELINE, REQUEST_LOG
from tintype_gateway.http.delivery import attended, deliver
from tintype_gateway.http.incoming import incoming_of, preferences_of
from tintype_gateway.http.json_document import HEADERS
from tintype_gateway.jobs.reading import JOB_ID
from tintype_gateway.jobs.responses import LAST_NUMBER, failure_event
from tintype_gateway.jobs.service import JobService
from tintype_gateway.jobs.submission import Submitted
from tintype_gateway.ledger.interface import Caller
from tintype_gateway.ledger.jobs import JOB_STATUSES, Job, JobEvent, JobStatus
from tintype_gateway.pipeline.client_presence import ClientPresence
from tintype_gateway.pipeline.incoming import Incoming
from tintype_gateway.pipeline.json_serializer import parts_of
from tintype_gateway.pipeline.sse_serializer import HEADERS as SSE_HEADERS
from tintype_gateway.storage.idempotent_responses import REPLAYED
from tintype_gateway.upstream.sse import PING
from tintype_gateway.values.response import End, Head, Part

DEFAULT_LIMIT, MAX_LIMIT = 20, 100
"""How many jobs a page of the list has."""

_NUMBER = re.compile(r"[0-9]{1,7}")


async def submit_job(
    request: web.Request, operation: ApiOperation, incoming: Incoming, uploads: AsyncExitStack
) -> web.StreamResponse:
    """Serve a request with `Prefer: respond-async`, which may have `uploads`.

    With `wait` it responds as the direct request would, if the job ends in that time. From the
    moment at which the job is stored, a client that leaves changes nothing.
    """
    service, client, preferred = request.app[JOBS], ClientPresence(), preferences_of(request)
    applied = preferred.applied("respond-async", "wait", "handling")
    async with uploads:
        with attended(request, client):
            try:
                submitted = await service.submissions.submit(operation, incoming, client)
            except AlreadyServedError as served:
                return await _replay(request, served)
    job = submitted.job
    request[REQUEST_LOG].job = job.id
    headers = applied | (REPLAYED if submitted.is_repeat else {})
    if preferred.wait_seconds is not None and not client.has_left:
        job = await service.jobs.awaited(job.account, job.id, preferred.wait_seconds, _has_ended)
        if (response := await _direct(request, job, headers)) is not None:
            return response
    return await _accepted(request, submitted, job, headers)


async def get_job(request: web.Request) -> web.StreamResponse:
    """Serve `GET /v1/images/jobs/{id}`: at once, or with `wait` once the job has ended.

    With `If-None-Match`, the wait ends with any change of the job.
    """
    service, preferred = request.app[JOBS], preferences_of(request)
    caller = await _caller(request)
    known = {each.value for each in request.if_none_match or ()}

    async def is_news(job: Job) -> bool:
        if known:
            document = await service.document(job)
            return etag_of(document, is_minimal=preferred.return_minimal) not in known
        return not job.is_live

    seconds = preferred.wait_seconds or 0
    job = await service.jobs.awaited(caller.account, _job_id(request), seconds, is_news)
    return await _shown(request, job, known)


async def get_jobs(request: web.Request) -> web.Response:
    """Serve `GET /v1/images/jobs`: the jobs of the caller's account, the newest first."""
    service, caller = request.app[JOBS], await _caller(request)
    jobs, has_more = await service.jobs.page(
        caller.account, _status(request), _after(request), _limit(request)
    )
    documents = await service.documents(jobs)
    return web.json_response(job_list(documents, has_more=has_more))


async def cancel_job(request: web.Request) -> web.StreamResponse:
    """Serve `DELETE /v1/images/jobs/{id}` and `POST .../cancel`; with `wait`, once it has ended."""
    service, preferred = request.app[JOBS], preferences_of(request)
    caller, job_id = await _caller(request), _job_id(request)
    job = await service.cancel(caller.account, job_id)
    if preferred.wait_seconds is not None:
        seconds = preferred.wait_seconds
        job = await service.jobs.awaited(caller.account, job_id, seconds, _has_ended)
    return await _shown(request, job, ())


async def redeliver(request: web.Request) -> web.StreamResponse:
    """Serve `POST /v1/images/jobs/{id}/webhook/redeliver`: send the message of its end again."""
    service, caller = request.app[JOBS], await _caller(request)
    job = await service.jobs.get(caller.account, _job_id(request))
    await service.redeliver(job)
    return web.json_response(await service.document(job) | {"result": None}, status=202)


async def get_events(request: web.Request) -> web.StreamResponse:
    """Serve `GET /v1/images/jobs/{id}/events`: the events of a stream, after `Last-Event-ID`.

    Status 204 says that the job has ended, and that the client has all of its events.
    """
    service, caller, job_id = request.app[JOBS], await _caller(request), _job_id(request)
    after = _last_event(request)
    job = await service.jobs.get(caller.account, job_id)
    if after and not job.is_live and not await _has_more(service, job, after):
        return web.Response(status=204)
    parts = _events(request, service, job, after)
    return await deliver(request, parts, ClientPresence(), {}, lambda receipt: None)


ROUTES = (
    web.get(JOBS_PATH, get_jobs),
    web.get(f"{JOBS_PATH}/{{id}}", get_job, allow_head=False),
    web.delete(f"{JOBS_PATH}/{{id}}", cancel_job),
    web.post(f"{JOBS_PATH}/{{id}}/cancel", cancel_job),
    web.post(f"{JOBS_PATH}/{{id}}/webhook/redeliver", redeliver),
    web.get(f"{JOBS_PATH}/{{id}}/events", get_events, allow_head=False),
)


async def _has_ended(job: Job) -> bool:
    return not job.is_live


async def _caller(request: web.Request) -> Caller:
    return await request.app[PIPELINE].authenticate(incoming_of(request))


async def _replay(request: web.Request, served: AlreadyServedError) -> web.StreamResponse:
    """Send the response to an earlier direct request with the same idempotency key."""
    pipeline = request.app[PIPELINE]
    request[REQUEST_LOG].replay_of = served.request_id
    response = await pipeline.idempotent_responses.find(served)

    async def parts() -> AsyncGenerator[Part, None]:
        for part in parts_of(response):
            yield part

    applied = preferences_of(request).applied("handling")
    delivered = pipeline.delivery_receipts.add
    return await deliver(request, parts(), ClientPresence(), applied, delivered)


async def _direct(
    request: web.Request, job: Job, headers: Mapping[str, str]
) -> web.StreamResponse | None:
    """Send what the direct request would have got; None if the job has no such thing."""
    service, line = request.app[JOBS], request[REQUEST_LOG]
    if job.status == "completed" and (stored := await service.responses.result(job)) is not None:
        line.cost_micro_credits = job.charged or 0
        parts, delivered = service.responses.direct(stored), request.app[PIPELINE].delivery_receipts
        return await deliver(request, parts, ClientPresence(), headers, delivered.add)
    if job.error is None:
        return None
    error = job.error
    line.error = error["body"]["error"]["code"]
    return web.json_response(
        error["body"], status=error["status"], headers={**error["headers"], **headers}
    )


async def _accepted(
    request: web.Request, submitted: Submitted, job: Job, headers: Mapping[str, str]
) -> web.Response:
    """Return the response 202."""
    document = await request.app[JOBS].document(job)
    own = {"Location": job_path(job.id), **_retry_after(job)}
    return web.json_response(
        document | {"result": None}, status=202, headers={**submitted.headers, **headers, **own}
    )


def _retry_after(job: Job) -> dict[str, str]:
    """Return when to look again at a job that may change."""
    return {"Retry-After": str(POLL_SECONDS)} if job.is_live else {}


async def _shown(request: web.Request, job: Job, known: Collection[str]) -> web.StreamResponse:
    """Send a job with its result, or 304 if the client knows it."""
    service, preferred = request.app[JOBS], preferences_of(request)
    request[REQUEST_LOG].job = job.id
    document = await service.document(job)
    etag = etag_of(document, is_minimal=preferred.return_minimal)
    headers = {
        **HEADERS,
        "ETag": f'W/"{etag}"',  # weak, as the URLs of a result are made anew
        "Vary": "Authorization, Prefer",
        **preferred.applied("wait", "return"),
        **_retry_after(job),
    }
    if etag in known or "*" in known:
        return web.Response(status=304, headers=headers)
    stored = None if preferred.return_minimal else await service.responses.result(job)
    if stored is None:
        more = {} if preferred.return_minimal else {"result": None}
        return web.json_response(document | more, headers=headers)
    parts = service.responses.document(document, stored, headers)
    delivered = request.app[PIPELINE].delivery_receipts.add
    return await deliver(request, parts, ClientPresence(), {}, delivered)


async def _has_more(service: JobService, job: Job, after: int) -> bool:
    """Return whether an ended job has an event after a number."""
    if job.status != "completed":
        return after < LAST_NUMBER
    return await service.jobs.has_events(job, after)


async def _events(
    request: web.Request, service: JobService, job: Job, after: int
) -> AsyncGenerator[Part, None]:
    yield Head(SSE_HEADERS)
    heartbeat = request.app[PIPELINE].heartbeat_seconds
    events = service.jobs.events(job.account, job.id, after, heartbeat)
    async with aclosing(events):
        async for each in events:
            match each:
                case JobEvent():
                    async with aclosing(service.responses.event(each)) as pieces:
                        async for piece in pieces:
                            yield piece
                case Job() if each.status != "completed":
                    for part in failure_event(each):
                        yield part
                case None:
                    yield PING[0]
    yield End(b"")


def _job_id(request: web.Request) -> str:
    job_id = request.match_info["id"]
    if JOB_ID.fullmatch(job_id) is not None:
        request[REQUEST_LOG].job = job_id
    return job_id


def _status(request: web.Request) -> JobStatus | None:
    given = request.query.get("status")
    for status in JOB_STATUSES:
        if given == status:
            return status
    if given is None:
        return None
    raise _invalid("status", f"must be one of {', '.join(JOB_STATUSES)}")


def _after(request: web.Request) -> str | None:
    given = request.query.get("after")
    if given is not None and JOB_ID.fullmatch(given) is None:
        raise _invalid("after", "must be the id of a job")
    return given


def _limit(request: web.Request) -> int:
    given = request.query.get("limit", str(DEFAULT_LIMIT))
    if _NUMBER.fullmatch(given) is None or not 1 <= int(given) <= MAX_LIMIT:
        raise _invalid("limit", f"must be a number from 1 to {MAX_LIMIT}")
    return int(given)


def _last_event(request: web.Request) -> int:
    given = request.headers.get("Last-Event-ID", "0")
    if _NUMBER.fullmatch(given) is None:
        raise _invalid("Last-Event-ID", "must be the id of an event")
    return int(given)


def _invalid(param: str, problem: str) -> BadRequestError:
    return BadRequestError(f"{param}: {problem}", code="invalid_value", param=param)
