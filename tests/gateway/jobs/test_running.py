"""Jobs that a gateway runs: as the direct request, stored, and paid once."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.gateway.jobs.support import (
    PRICE,
    STREAMED,
    code_of,
    ended,
    events_of,
    read,
    submitted,
    submitted_edit,
    working,
)
from tintype_catalog.sizes import Size
from tintype_gateway.images.container import read_header
from tintype_gateway.jobs.worker import KEEPS_A_PLACE
from tintype_testing.edit_requests import editing_canvas
from tintype_testing.gateway import ACCOUNT, CREDITS_MICRO, Gateway, canvas, catalog_of
from tintype_testing.http import http_client
from tintype_testing.manifests import image_model, provider_binding
from tintype_testing.waiting import eventually


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with working(tmp_path, canvas()) as gateway:
        yield gateway


async def test_the_result_is_that_of_the_direct_request_and_charged_once(
    gateway: Gateway,
) -> None:
    direct = (await gateway.generate(n=2, seed=7)).json()
    job_id = await submitted(gateway, n=2, seed=7)

    job = await ended(gateway, job_id)
    result = (await read(gateway, job_id))["result"]

    assert (job.status, job.charged) == ("completed", 2 * PRICE)
    sent = [base64.b64decode(each["b64_json"]) for each in result["data"]]
    assert [read_header(base64.b64encode(image)).size for image in sent] == [Size(256, 256)] * 2
    assert list(result) == list(direct)
    assert [list(each) for each in result["data"]] == [list(each) for each in direct["data"]]
    assert result["usage"] == {
        **direct["usage"],
        "credits_remaining": CREDITS_MICRO - 4 * PRICE,
    }
    assert (await gateway.account()).balance == CREDITS_MICRO - 4 * PRICE


async def test_a_job_with_urls_has_urls_that_open(gateway: Gateway) -> None:
    job_id = await submitted(gateway, response_format="url")
    await ended(gateway, job_id)

    (image,) = (await read(gateway, job_id))["result"]["data"]

    async with http_client() as http:
        assert (await http.get(image["url"])).content.startswith(b"\x89PNG")


async def test_an_account_with_many_jobs_leaves_a_place_for_others(tmp_path: Path) -> None:
    async with working(tmp_path, canvas(), jobs_concurrency=KEEPS_A_PLACE) as gateway:
        await gateway.script(*[{"hang": True}] * 2 * KEEPS_A_PLACE)
        many = [await submitted(gateway) for _ in range(KEEPS_A_PLACE + 1)]

        async def running(account: str, number: int) -> bool:
            return len(await gateway.ledger.jobs(account, "in_progress")) == number

        await eventually(lambda: running(ACCOUNT, KEEPS_A_PLACE - 1))
        await gateway.ledger.create_account("other", credits_micro=CREDITS_MICRO)
        _, secret = await gateway.ledger.create_key("other")
        headers = {"Prefer": "respond-async", "Authorization": f"Bearer {secret}"}
        other = (await gateway.generate(headers=headers)).json()["id"]
        await eventually(lambda: running("other", 1))

        assert await running(ACCOUNT, KEEPS_A_PLACE - 1)
        await gateway.ledger.cancel_job("other", other)
        for each in reversed(many):
            await gateway.ledger.cancel_job(ACCOUNT, each)
        await eventually(lambda: running("other", 0))
        await eventually(lambda: running(ACCOUNT, 0))


async def test_the_events_of_a_job_are_those_of_a_stream(tmp_path: Path) -> None:
    async with working(tmp_path, ()) as gateway:
        fields: dict[str, Any] = {**STREAMED, "stream": True, "partial_images": 2, "n": 2}
        streamed = (await gateway.generate(**fields)).text
        job_id = await submitted(gateway, **fields)
        job = await ended(gateway, job_id)
        events = await events_of(gateway, job_id)

    frames = [frame for frame in streamed.split("\n\n") if frame.startswith("event: ")]
    direct = [json.loads(frame.split("\ndata: ", 1)[1]) for frame in frames]
    kinds = sorted(each["type"] for each in events)
    assert kinds == sorted(each["type"] for each in direct)
    assert all(each["b64_json"] for each in events)
    assert (job.status, job.charged) == ("completed", sum_of(direct))
    assert sum_of(events) == job.charged


def sum_of(events: list[dict[str, Any]]) -> int:
    return sum(each["usage"]["credits_used"] for each in events if "usage" in each)


async def test_a_job_that_the_provider_refuses_fails_free_and_without_its_prompt(
    gateway: Gateway,
) -> None:
    await gateway.script({"error": "openai/moderation_blocked"})
    job = await ended(gateway, await submitted(gateway, prompt="a secret heron"))

    assert job.status == "failed"
    assert code_of(job) == "moderation_blocked"
    assert "heron" not in json.dumps(job.error)
    assert (await gateway.account()).available == CREDITS_MICRO


async def test_a_call_of_which_nobody_knows_what_became_ends_the_job_as_that(
    gateway: Gateway,
) -> None:
    await gateway.script({"cut_after_bytes": 700})
    job = await ended(gateway, await submitted(gateway))

    assert (job.status, job.charged) == ("outcome_unknown", None)
    assert (await gateway.account()).available == CREDITS_MICRO


async def test_a_model_that_vanished_fails_the_job_free(tmp_path: Path) -> None:
    async with working(tmp_path, canvas(), jobs_concurrency=1) as gateway:
        await gateway.script({"delay_seconds": 3})
        first, second = await submitted(gateway), await submitted(gateway)
        await eventually(gateway.has_called)
        others = [image_model("sketch"), provider_binding(model="sketch")]
        gateway.catalogs.offer(catalog_of(others, gateway.simulator), 2, "test")

        assert (await ended(gateway, first)).status == "completed"
        job = await ended(gateway, second)

    assert job.status == "failed"
    assert code_of(job) == "model_not_found"


async def test_a_running_job_that_is_cancelled_is_uncharged(gateway: Gateway) -> None:
    await gateway.script({"hang": True})
    job_id = await submitted(gateway)
    await eventually(gateway.has_called)

    async with gateway.http() as http:
        await http.post(f"/v1/images/jobs/{job_id}/cancel")
    job = await ended(gateway, job_id)

    assert (job.status, job.charged) == ("cancelled", None)
    assert (await gateway.account()).available == CREDITS_MICRO


async def test_a_cancelled_job_pays_for_the_image_that_it_had(
    tmp_path: Path,
) -> None:
    async with working(tmp_path, ()) as gateway:
        await gateway.script({}, {"hang": True})
        job_id = await submitted(gateway, stream=True, n=2, **STREAMED)

        async def has_image() -> bool:
            return bool(await gateway.ledger.job_events(ACCOUNT, job_id))

        await eventually(has_image)
        await gateway.ledger.cancel_job(ACCOUNT, job_id)
        job = await ended(gateway, job_id)
        document = await read(gateway, job_id)

    assert (job.status, document["usage"]["images"]) == ("cancelled", 1)
    assert job.charged
    assert document["usage"]["credits_used"] == job.charged


async def test_a_direct_repeat_of_a_jobs_key_gets_its_response(gateway: Gateway) -> None:
    key = {"Idempotency-Key": "order-17"}
    headers = {"Prefer": "respond-async", **key}
    response = await gateway.generate(headers=headers)
    await ended(gateway, response.json()["id"])

    repeated = await gateway.generate(headers=key)

    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert repeated.json()["usage"]["credits_used"] == PRICE
    assert len(await gateway.upstream_calls()) == 1


async def test_the_images_of_an_edit_reach_the_provider_and_leave_the_store_at_the_end(
    tmp_path: Path,
) -> None:
    async with working(tmp_path, editing_canvas()) as gateway:
        job = await ended(gateway, await submitted_edit(gateway))
        (call,) = await gateway.upstream_calls()
        parts = cast("list[dict[str, str]]", call)

        assert job.status == "completed", job.error
        assert {"image", "mask"} <= {part["name"].removesuffix("[]") for part in parts}
        uploads = tmp_path / "images" / "jobs"
        await eventually(lambda: list(uploads.glob("*.?.?")) == [])
