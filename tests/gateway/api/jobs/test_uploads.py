"""Uploads of a job are stored sealed until it ends, and never read from anywhere else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.gateway.api.jobs.support import fetch
from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.image_tools import ImageTools
from tintype_testing.edit_requests import editing_canvas, hole, square
from tintype_testing.gateway import Gateway, running_gateway

IMAGE, MASK = square(), hole()


@pytest.fixture
async def editing(store: FolderStore, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that takes edits as jobs, and runs none."""
    settings = {"jobs_max_queued": 1}
    images = ImageTools(store=store)
    async with running_gateway(
        tmp_path, *editing_canvas(), images=images, job_settings=settings
    ) as gateway:
        yield gateway
        await gateway.end_jobs()


async def submit_edit(gateway: Gateway, key: str = "order-17") -> httpx2.Response:
    files = [("image", ("a.png", IMAGE)), ("mask", ("mask.png", MASK))]
    headers = {"Prefer": "respond-async", "Idempotency-Key": key}
    data = {"model": "canvas", "prompt": "make it blue"}
    async with gateway.http() as http:
        return await http.post("/v1/images/edits", data=data, files=files, headers=headers)


def stored(folder: Path) -> list[bytes]:
    """Return the stored files of jobs."""
    return [path.read_bytes() for path in sorted((folder / "images" / "jobs").glob("*"))]


async def test_they_are_sealed_in_the_store_until_the_job_is_cancelled(
    editing: Gateway, tmp_path: Path
) -> None:
    accepted = await submit_edit(editing)
    files = await asyncio.to_thread(stored, tmp_path)
    await fetch(editing, f"/{accepted.json()['id']}", method="DELETE")

    assert accepted.status_code == 202, accepted.text
    assert len(files) == 2
    assert all(IMAGE[8:64] not in file and MASK[8:64] not in file for file in files)
    assert await asyncio.to_thread(stored, tmp_path) == []


async def test_a_repeat_or_a_refused_job_leaves_none(editing: Gateway, tmp_path: Path) -> None:
    await submit_edit(editing)
    before = await asyncio.to_thread(stored, tmp_path)
    repeat = await submit_edit(editing)
    refused = await submit_edit(editing, key="order-18")

    assert repeat.headers["Idempotent-Replayed"] == "true"
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "job_queue_full")
    assert await asyncio.to_thread(stored, tmp_path) == before
