"""A client of jobs, and a worker whose steps a test takes by hand."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from tintype_gateway.api.jobs import error_record
from tintype_gateway.errors import GatewayError
from tintype_gateway.ledger.jobs import EndStatus, Job, JobEnd, JobEvent, JobLimits, JobResult
from tintype_gateway.storage.interface import ImageStore, new_name
from tintype_gateway.storage.stored_responses import (
    Bill,
    StoredBody,
    StoredResponse,
    response_name,
)
from tintype_testing.gateway import Gateway

CLAIM = "the test"
HOUR = 3600
PRICE = 640_000
"""What an image of `canvas` costs, in micro-credits."""

JOBS = "/v1/images/jobs"


async def submit(
    gateway: Gateway,
    headers: Mapping[str, str] | None = None,
    wait: int | None = None,
    **fields: Any,
) -> httpx2.Response:
    """Send a request for an image of `canvas` with `Prefer: respond-async`."""
    prefer = "respond-async" if wait is None else f"respond-async, wait={wait}"
    return await gateway.generate({"Prefer": prefer, **(headers or {})}, **fields)


async def submitted(gateway: Gateway, **fields: Any) -> str:
    """Return the id of a new job."""
    response = await submit(gateway, **fields)
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


async def fetch(
    gateway: Gateway, path: str = "", headers: Mapping[str, str] | None = None, method: str = "GET"
) -> httpx2.Response:
    """Ask for something below the path of jobs."""
    async with gateway.http() as http:
        return await http.request(method, f"{JOBS}{path}", headers=headers)


async def claimed(gateway: Gateway, limit: int = 1) -> list[Job]:
    """Claim jobs, as a worker does."""
    limits = JobLimits(1000, 1000)
    claims = await gateway.ledger.claim_jobs(CLAIM, limit, HOUR, limits)
    return [each.job for each in claims]


async def complete(
    gateway: Gateway, store: ImageStore, job: Job, images: Sequence[bytes], *, as_url: bool = False
) -> Job:
    """Store a result of these images, and end a job that was claimed."""
    names = [await stored(store, image) for image in images]
    key = "url" if as_url else "b64_json"
    first, *others = [f'{{"{key}":"'.encode()] * len(images)
    texts = [b'{"data":[' + first, *(b'"},' + text for text in others), b'"}],']
    usage = {"images": len(images), "credits_used": None, "credits_remaining": None}
    bill = Bill(PRICE * len(images), len(images), {"model": job.model, "usage": usage})
    body = StoredBody(tuple(texts), tuple(names), as_url)
    record = StoredResponse(body, {"Tintype-Route": "the test"}, job.hold, bill)
    name = response_name(job.request_id)
    await store.put(name, record.dumped(), "application/json", HOUR)
    result = JobResult(name, len(images))
    return await end(gateway, job, "completed", cost=bill.cost, images=bill.images, result=result)


async def stored(store: ImageStore, image: bytes) -> str:
    """Store an image, and return its name."""
    name = new_name("png")
    await store.put(name, image, "image/png", HOUR)
    return name


async def end(
    gateway: Gateway,
    job: Job,
    status: EndStatus,
    *,
    cost: int = 0,
    images: int = 0,
    result: JobResult | None = None,
    error: GatewayError | None = None,
) -> Job:
    """End a job that was claimed."""
    record = None if error is None else error_record(error)
    ending = JobEnd(status=status, cost=cost, images=images, result=result, error=record)
    ended, _ = await gateway.ledger.end_job(job.id, CLAIM, ending)
    return ended


async def add_event(gateway: Gateway, store: ImageStore, job: Job, kind: str, image: bytes) -> None:
    """Store an event with an image, as a worker does."""
    name = f"jobs/{job.id}.{kind}.json"
    texts = (f'event: image_generation.{kind}\ndata: {{"b64_json": "'.encode(), b'"}\n\n')
    body = StoredBody(texts, (await stored(store, image),))
    await store.put(name, json.dumps(body.document()).encode(), "application/json", HOUR)
    await gateway.ledger.add_job_event(job.id, CLAIM, JobEvent(kind=kind, name=name))
