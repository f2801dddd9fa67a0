"""`Prefer: respond-async`: what becomes a job, and what is refused as ever."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.api.jobs.support import (
    PRICE,
    claimed,
    complete,
    end,
    fetch,
    submit,
    submitted,
)
from tintype_gateway.errors import UnavailableError
from tintype_gateway.ledger.jobs import Job
from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.image_tools import ImageTools
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.image_stores import folder_store
from tintype_testing.waiting import eventually

SECRET = "a fox that nobody may read about"


async def test_a_submission_is_accepted_and_says_where_its_job_is(gateway: Gateway) -> None:
    response = await submit(gateway, n=2, prompt=SECRET)

    assert response.status_code == 202
    job = response.json()
    assert response.headers["Location"] == f"/v1/images/jobs/{job['id']}"
    assert response.headers["Preference-Applied"] == "respond-async"
    assert int(response.headers["Retry-After"]) > 0
    assert "Tintype-Catalog-Revision" in response.headers
    assert "Tintype-Route" not in response.headers
    assert (job["object"], job["status"]) == ("image.job", "queued")
    assert job["request"] == {
        "operation": "image_generation",
        "model": "canvas",
        "n": 2,
        "size": "256x256",
        "quality": None,
        "response_format": "b64_json",
        "stream": False,
        "partial_images": 0,
    }
    ends = ("started_at", "finished_at", "expires_at", "usage", "error", "webhook", "result")
    assert [job[name] for name in ends] == [None] * len(ends)
    account = await gateway.account()
    assert (account.balance, account.held) == (CREDITS_MICRO, 2 * PRICE)
    assert await gateway.upstream_calls() == []


async def test_neither_ledger_nor_store_has_the_prompt(gateway: Gateway, tmp_path: Path) -> None:
    await submitted(gateway, prompt=SECRET)

    assert await asyncio.to_thread(files_with, tmp_path, b"image_generation") != []
    assert await asyncio.to_thread(files_with, tmp_path, SECRET.encode()) == []


def files_with(folder: Path, text: bytes) -> list[Path]:
    """Return the files below a folder that contain a text."""
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"n": 11}, 422, "invalid_value"),
        ({"model": "none"}, 404, "model_not_found"),
        ({"palette": "blue"}, 422, "unknown_parameter"),
        ({"style": "vivid"}, 400, "unsupported_parameter"),
        ({"n": 10, "user": "a"}, 402, "insufficient_credits"),
        ({"webhook_url": "https://example.com/"}, 403, "webhooks_not_allowed"),
    ],
)
async def test_what_a_direct_request_is_refused_for_becomes_no_job(
    tmp_path: Path, fields: dict[str, Any], status: int, code: str
) -> None:
    images = ImageTools(store=folder_store(tmp_path / "images"))
    running = running_gateway(tmp_path, *canvas(), images=images, credits_micro=2 * PRICE)
    async with running as gateway:
        strict = {"Prefer": "handling=strict, respond-async"}
        job = await submit(gateway, strict, **fields)
        listed = await fetch(gateway)
        direct = await gateway.generate({"Prefer": "handling=strict"}, **fields)

    assert (job.status_code, job.json()["error"]["code"]) == (status, code)
    assert listed.json()["data"] == []
    if "webhook_url" not in fields:
        assert job.json() == direct.json()
        assert job.headers["x-should-retry"] == direct.headers["x-should-retry"]


async def test_a_direct_request_has_no_webhook(gateway: Gateway) -> None:
    response = await gateway.generate(webhook_url="https://example.com/")

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "webhook_url"


async def test_without_an_image_store_there_are_no_jobs(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        refused = await submit(gateway)
        assert (await fetch(gateway)).json()["data"] == []

    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (400, "image_store_required")
    assert error["param"] == "Prefer"


async def test_a_gateway_that_takes_no_jobs_says_so(store: FolderStore, tmp_path: Path) -> None:
    settings = {"jobs_enabled": False}
    images = ImageTools(store=store)
    async with running_gateway(
        tmp_path, *canvas(), images=images, job_settings=settings
    ) as gateway:
        refused = await submit(gateway)

    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "jobs_unavailable"


async def test_a_full_queue_is_429_and_keeps_nothing(gateway: Gateway, tmp_path: Path) -> None:
    for _ in range(3):
        await submitted(gateway)

    refused = await submit(gateway)

    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "job_queue_full")
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.headers["x-should-retry"] == "true"
    assert (await gateway.account()).held == 3 * PRICE


async def test_a_repeat_with_its_key_is_the_same_job(gateway: Gateway) -> None:
    key = {"Idempotency-Key": "order-17"}
    first = await submit(gateway, key)
    repeat = await submit(gateway, key)
    other = await submit(gateway, key, prompt="a blue fox")

    assert repeat.status_code == 202
    assert repeat.json() == first.json()
    assert repeat.headers["Location"] == first.headers["Location"]
    assert repeat.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_mismatch")
    assert (await gateway.account()).held == PRICE


async def test_a_repeat_of_a_job_that_has_ended_says_so_and_nothing_of_another_look(
    gateway: Gateway, store: FolderStore
) -> None:
    key = {"Idempotency-Key": "order-17"}
    first = await submit(gateway, key)
    (job,) = await claimed(gateway)
    await complete(gateway, store, job, [b"an image"])
    repeat = await submit(gateway, key)

    assert (repeat.status_code, repeat.json()["status"]) == (202, "completed")
    assert repeat.headers["Location"] == first.headers["Location"]
    assert "Retry-After" not in repeat.headers


async def test_a_key_of_a_direct_request_gets_its_response(gateway: Gateway) -> None:
    key = {"Idempotency-Key": "order-17"}
    direct = await gateway.generate(key)
    repeat = await submit(gateway, key)

    assert (repeat.status_code, repeat.content) == (200, direct.content)
    assert repeat.headers["Idempotent-Replayed"] == "true"
    assert (await fetch(gateway)).json()["data"] == []


async def test_a_direct_request_with_the_key_of_a_job_waits_for_its_end(
    gateway: Gateway, store: FolderStore
) -> None:
    key = {"Idempotency-Key": "order-17"}
    await submit(gateway, key)
    early = await gateway.generate(key)
    (job,) = await claimed(gateway)
    await complete(gateway, store, job, [b"an image"])
    late = await gateway.generate(key)

    assert (early.status_code, early.json()["error"]["code"]) == (409, "idempotency_in_progress")
    assert late.status_code == 200
    assert late.json()["data"] == [{"b64_json": "YW4gaW1hZ2U="}]


async def test_a_wait_that_is_too_short_ends_with_the_job(gateway: Gateway) -> None:
    response = await submit(gateway, wait=0)

    assert response.status_code == 202
    assert response.headers["Preference-Applied"] == "respond-async, wait=0"


async def test_a_job_that_ends_in_time_gets_the_response_of_a_direct_request(
    gateway: Gateway, store: FolderStore
) -> None:
    waiting = asyncio.create_task(submit(gateway, wait=30))
    job = await first_claimed(gateway)
    await complete(gateway, store, job, [b"one", b"two"])
    response = await waiting

    assert response.status_code == 200
    assert response.headers["Tintype-Route"] == "the test"
    assert response.headers["Tintype-Cost-Micro-Credits"] == str(PRICE)
    assert response.headers["Preference-Applied"] == "respond-async, wait=30"
    body = response.json()
    assert body["data"] == [{"b64_json": "b25l"}, {"b64_json": "dHdv"}]
    available = CREDITS_MICRO - PRICE
    assert body["usage"] == {
        "images": 2,
        "credits_used": PRICE,
        "credits_remaining": available,
    }


async def test_a_job_that_fails_in_time_gets_the_response_of_its_error(gateway: Gateway) -> None:
    error = UnavailableError("the provider throttles", code="provider_throttled", retry=True)
    waiting = asyncio.create_task(submit(gateway, wait=30))
    job = await first_claimed(gateway)
    await end(gateway, job, "failed", error=error)
    response = await waiting

    assert (response.status_code, response.json()) == (503, error.body())
    assert response.headers["x-should-retry"] == "true"
    shown = (await fetch(gateway, f"/{job.id}")).json()
    assert shown["error"] == error.body()["error"]


async def test_a_client_that_leaves_while_it_waits_leaves_its_job(gateway: Gateway) -> None:
    waiting = asyncio.create_task(submit(gateway, wait=30))

    async def is_queued() -> bool:
        return bool((await fetch(gateway)).json()["data"])

    await eventually(is_queued)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    (job,) = (await fetch(gateway)).json()["data"]
    assert job["status"] == "queued"


async def first_claimed(gateway: Gateway) -> Job:
    """Return the first job that there is, once a worker has it."""
    found: list[Job] = []

    async def has_claimed() -> bool:
        found.extend(await claimed(gateway))
        return bool(found)

    await eventually(has_claimed)
    return found[0]
