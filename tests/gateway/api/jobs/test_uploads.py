"""Uploads of a job are stored sealed until it ends, and never read from anywhere else."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.gateway.api.jobs.support import fetch
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.image_tools import ImageTools
from tintype_testing.edit_requests import Part, editing_canvas, form, hole, media_type, square
from tintype_testing.gateway import Gateway, running_gateway

IMAGE, MASK = square(), hole()


@pytest.fixture
async def editing(store: FolderStore, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that takes edits as jobs, and runs none."""
    settings = {"jobs_max_queued": 1, "jobs_max_upload_bytes": 2**20}
    images = ImageTools(store=store)
    async with running_gateway(
        tmp_path, *editing_canvas(), images=images, job_settings=settings
    ) as gateway:
        yield gateway
        await gateway.end_jobs()


async def submit_edit(gateway: Gateway, key: str | None = "order-17") -> httpx2.Response:
    files = [("image", ("a.png", IMAGE)), ("mask", ("mask.png", MASK))]
    headers = {"Prefer": "respond-async"} | ({"Idempotency-Key": key} if key else {})
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


async def test_none_is_stored_where_the_queue_is_full_or_the_job_is_known(
    editing: Gateway, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await submit_edit(editing)
    monkeypatch.setattr(store, "put", fail)

    refused = await submit_edit(editing, key="order-18")
    refused_without_key = await submit_edit(editing, key=None)
    repeat = await submit_edit(editing)

    for response in (refused, refused_without_key):
        assert (response.status_code, response.json()["error"]["code"]) == (429, "job_queue_full")
        assert int(response.headers["Retry-After"]) > 0
    assert (repeat.status_code, repeat.json()["id"]) == (202, first.json()["id"])


async def test_the_key_of_a_refused_job_is_free_once_there_is_room(editing: Gateway) -> None:
    first = await submit_edit(editing)
    await submit_edit(editing, key="order-18")
    await fetch(editing, f"/{first.json()['id']}", method="DELETE")
    accepted = await submit_edit(editing, key="order-18")

    assert accepted.status_code == 202, accepted.text
    assert "Idempotent-Replayed" not in accepted.headers


async def test_a_job_whose_uploads_have_no_room_is_refused(
    editing: Gateway, store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_max_bytes", 2 * len(IMAGE) + 200)  # the mask has no room

    refused = await submit_edit(editing)

    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (503, "image_store_unavailable")
    assert "no room for more uploads of jobs" in error["message"]
    assert int(refused.headers["Retry-After"]) > 0
    assert await asyncio.to_thread(stored, tmp_path) == []
    assert (await editing.account()).held == 0


@pytest.mark.parametrize("is_declared", [True, False])
async def test_a_job_has_a_bound_of_its_own(editing: Gateway, *, is_declared: bool) -> None:
    async def post(prefer: str, image: bytes) -> httpx2.Response:
        fields = Part("model", "canvas"), Part("prompt", "a fox"), Part("image", image, "a.png")
        headers = {"Content-Type": media_type(), "Prefer": prefer}
        content = form(fields) if is_declared else in_pieces(form(fields))
        async with editing.http() as http:
            return await http.post("/v1/images/edits", content=content, headers=headers)

    large = IMAGE + bytes(2**20)
    refused = await post("respond-async", large)
    direct = await post("handling=strict", large)
    accepted = await post("respond-async", IMAGE)

    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "payload_too_large")
    assert "at most 1048576 bytes" in refused.json()["error"]["message"]
    assert (direct.status_code, accepted.status_code) == (200, 202)


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    """Yield a body whose length is not declared."""
    for begin in range(0, len(body), 2**16):
        yield body[begin : begin + 2**16]


@pytest.mark.parametrize("error", [LedgerUnavailableError("away"), RuntimeError("a defect")])
async def test_a_job_that_cannot_be_queued_leaves_none(
    editing: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(editing.ledger, "submit_job", partial(fail, error=error))
        refused = await submit_edit(editing)

    assert refused.status_code == (503 if isinstance(error, LedgerUnavailableError) else 500)
    assert await asyncio.to_thread(stored, tmp_path) == []


async def fail(*_: object, error: Exception | None = None) -> None:
    raise error or AssertionError("nothing may be stored")
