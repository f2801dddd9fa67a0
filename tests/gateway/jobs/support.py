"""Gateways that run jobs, in the process of a test."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from tintype_gateway.jobs.factory import create_worker
from tintype_gateway.jobs.service import JobService
from tintype_gateway.jobs.settings import JobSettings
from tintype_gateway.ledger.jobs import Job, JobLimits
from tintype_gateway.storage.image_tools import ImageTools
from tintype_testing.edit_requests import data_url, hole, square
from tintype_testing.gateway import ACCOUNT, Gateway, running_gateway
from tintype_testing.image_stores import folder_store
from tintype_testing.manifests import Manifest
from tintype_testing.waiting import eventually

PRICE = 640_000

STREAMED: dict[str, Any] = {"model": "gpt-image-1-mini", "quality": "low", "size": "1024x1024"}
"""A model of the starter catalog whose provider streams."""


@asynccontextmanager
async def working(
    folder: Path, manifests: Sequence[Manifest], **settings: Any
) -> AsyncIterator[Gateway]:
    """Run a gateway that runs jobs."""
    images = ImageTools(store=folder_store(folder / "images"))
    jobs = {"jobs_concurrency": 4, "jobs_drain_seconds": 1, **settings}
    running = running_gateway(
        folder, *manifests, images=images, heartbeat_seconds=0.1, job_settings=jobs
    )
    async with running as gateway:
        yield gateway


async def submitted(gateway: Gateway, **fields: Any) -> str:
    """Submit a job, and return its id."""
    response = await gateway.generate(headers={"Prefer": "respond-async"}, **fields)
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


async def submitted_edit(gateway: Gateway) -> str:
    """Submit the edit of an image with a mask, and return the id of the job."""
    fields = {"model": "canvas", "prompt": "a heron", "images": [data_url(square())]}
    async with gateway.http() as http:
        response = await http.post(
            "/v1/images/edits",
            json={**fields, "mask": data_url(hole())},
            headers={"Prefer": "respond-async"},
        )
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


async def ended(gateway: Gateway, job_id: str) -> Job:
    """Return a job once it has ended."""

    async def has_ended() -> bool:
        return not (await gateway.ledger.job(ACCOUNT, job_id)).is_live

    await eventually(has_ended)
    return await gateway.ledger.job(ACCOUNT, job_id)


async def read(gateway: Gateway, job_id: str) -> dict[str, Any]:
    """Return the document of a job."""
    async with gateway.http() as http:
        response = await http.get(f"/v1/images/jobs/{job_id}")
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.json()
        return document


async def events_of(gateway: Gateway, job_id: str) -> list[dict[str, Any]]:
    """Return the events of a job that has ended."""
    async with gateway.http() as http:
        response: httpx2.Response = await http.get(f"/v1/images/jobs/{job_id}/events")
    frames = [frame for frame in response.text.split("\n\n") if "event: " in frame]
    return [json.loads(frame.split("\ndata: ", 1)[1]) for frame in frames]


@asynccontextmanager
async def worker(
    gateway: Gateway, *, jobs: JobService | None = None, **settings: Any
) -> AsyncIterator[None]:
    """Run a worker, as another gateway has one with these jobs, while the block runs."""
    chosen = {"jobs_concurrency": 4, "jobs_drain_seconds": 1, "jobs_lease_seconds": 2, **settings}
    pipeline = gateway.jobs.submissions.pipeline
    made = create_worker(pipeline, JobSettings(**chosen), jobs or gateway.jobs)
    assert made is not None
    async with made.running(gateway.catalogs.arrived):
        yield


async def kill_workers(gateway: Gateway, job_id: str, number: int) -> None:
    """Let workers claim the only job, one after another, and be gone."""
    for each in range(number):

        async def is_claimed(name: str = f"a worker that is gone, number {each}") -> bool:
            claimed = await gateway.ledger.claim_jobs(name, 1, 0.001, JobLimits(100, 100))
            return [found.job.id for found in claimed] == [job_id]

        await eventually(is_claimed)


def code_of(job: Job) -> str:
    """Return the code of the error of a job."""
    assert job.error is not None
    return str(job.error["body"]["error"]["code"])
