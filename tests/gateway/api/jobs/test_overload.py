"""A gateway without free memory still takes jobs, shows them, and sends their results later."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from tests.gateway.api.jobs.support import PRICE, claimed, complete, fetch, submit, submitted
from tintype_gateway.jobs import submission
from tintype_gateway.runtime.memory_budget import PASSED_ON_BYTES, Memory, MemoryBudget
from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.image_tools import ImageTools
from tintype_testing.gateway import canvas, running_gateway
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

ROOM_FOR_ONE = int(1.5 * PASSED_ON_BYTES / 0.85)


def has_reserved(size: int) -> bool:
    return metric("tintype_memory_reserved_bytes") == size


async def test_a_result_waits_for_memory_and_everything_else_does_not(
    store: FolderStore, tmp_path: Path
) -> None:
    memory, images = MemoryBudget(Memory(ROOM_FOR_ONE)), ImageTools(store=store)
    async with running_gateway(tmp_path, *canvas(), memory=memory, images=images) as gateway:
        await submitted(gateway)
        (job,) = await claimed(gateway)
        await complete(gateway, store, job, [b"an image"])
        await gateway.script({"hang": True})
        busy = asyncio.create_task(gateway.generate())
        await eventually(partial(has_reserved, PASSED_ON_BYTES))

        refused = await fetch(gateway, f"/{job.id}")
        shown = await fetch(gateway, f"/{job.id}", {"Prefer": "return=minimal"})
        accepted = await submit(gateway)
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
        await eventually(partial(has_reserved, 0))
        later = await fetch(gateway, f"/{job.id}")
        await gateway.end_jobs()
        account = await gateway.account()

    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "overloaded")
    assert refused.headers["Retry-After"] == "5"
    assert (shown.status_code, shown.json()["status"]) == (200, "completed")
    assert accepted.status_code == 202
    assert later.json()["result"]["data"] == [{"b64_json": "YW4gaW1hZ2U="}]
    assert account.balance == 1_000_000_000 - PRICE


async def test_a_request_that_cannot_be_sealed_for_want_of_memory_is_refused(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "MEMORY_SECONDS", 0.1)
    room_to_read = int((PASSED_ON_BYTES + 45_000) / 0.85)
    memory, images = MemoryBudget(Memory(room_to_read)), ImageTools(store=store)
    async with running_gateway(tmp_path, *canvas(), memory=memory, images=images) as gateway:
        await gateway.script({"hang": True})
        busy = asyncio.create_task(gateway.generate())
        await eventually(partial(has_reserved, PASSED_ON_BYTES))
        small = await submit(gateway)
        refused = await submit(gateway, negative_prompt="x" * 30_000)
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
        await gateway.end_jobs()

    assert small.status_code == 202
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "overloaded")
    assert refused.headers["Retry-After"] == "5"
