"""The events of a job are those of the direct stream, and cost the same."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from tests.gateway.api.jobs.support import fetch, submit
from tintype_gateway.storage.image_tools import ImageTools
from tintype_testing.gateway import Gateway, running_gateway
from tintype_testing.image_stores import folder_store

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED: dict[str, Any] = {"model": "gpt-image-1-mini", "quality": "low", "stream": True}
CASES: dict[str, tuple[Mapping[str, str], Mapping[str, Any]]] = {
    "previews": ({}, {"partial_images": 2}),
    "several images": ({}, {"n": 2}),
    "profile openai": ({"Tintype-Profile": "openai"}, {"partial_images": 1}),
    "refused in part": ({}, {"model": "nova-canvas", "prompt": "a half-flagged fox", "n": 2}),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    images = ImageTools(store=folder_store(folder / "images"))
    settings = {"jobs_concurrency": 4}
    async with running_gateway(folder, images=images, job_settings=settings) as gateway:
        yield gateway


@pytest.mark.parametrize("case", CASES)
async def test_they_are_those_of_the_direct_stream(gateway: Gateway, case: str) -> None:
    headers, fields = CASES[case]
    direct = await gateway.generate(dict(headers), **{**ASKED, **fields})
    accepted = await submit(gateway, headers, **{**ASKED, **fields})
    job_id = accepted.json()["id"]
    streamed = await fetch(gateway, f"/{job_id}/events")
    job = (await fetch(gateway, f"/{job_id}")).json()

    assert accepted.status_code == 202
    assert job["status"] == "completed"
    assert numbers_of(streamed.text) == list(range(1, len(numbers_of(streamed.text)) + 1))
    assert comparable(streamed.text) == comparable(direct.text)
    delivered = [event for event in events_of(streamed.text) if "usage" in event]
    charged = sum(event["usage"]["credits_used"] for event in delivered)
    assert charged == job["usage"]["credits_used"]
    assert job["result"]["usage"]["credits_used"] == charged
    images = sum(not event.get("flagged", False) for event in delivered)
    assert job["usage"]["images"] == images


async def test_the_access_log_names_the_job(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tintype.access")
    accepted = await submit(gateway, **ASKED, prompt="a planted fox")
    job_id = accepted.json()["id"]
    await fetch(gateway, f"/{job_id}", {"Prefer": "wait=60"})
    await fetch(gateway, f"/{job_id}/events")
    await fetch(gateway, "")

    lines = [vars(record) for record in caplog.records if record.name == "tintype.access"]
    named = [(line["route"], line.get("job")) for line in lines]
    assert named == [
        ("/v1/images/generations", job_id),
        ("/v1/images/jobs/{id}", job_id),
        ("/v1/images/jobs/{id}/events", job_id),
        ("/v1/images/jobs", None),
    ]
    assert "planted" not in caplog.text
    assert "planted" not in repr(lines)


def events_of(text: str) -> list[dict[str, Any]]:
    """Return the data of the events of a stream."""
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


def numbers_of(text: str) -> list[int]:
    """Return the ids of the events of a stream."""
    return [int(line[4:]) for line in text.splitlines() if line.startswith("id: ")]


def comparable(text: str) -> list[dict[str, Any]]:
    """Return the events of a stream in order, without what two requests never share."""
    events = [without_ours(event) for event in events_of(text)]
    return sorted(events, key=lambda event: (event.get("index", 99), event["type"], repr(event)))


def without_ours(event: dict[str, Any]) -> dict[str, Any]:
    left_out = ("created_at", "seed")
    plain = {name: value for name, value in event.items() if name not in left_out}
    plain["b64_json"] = bool(event.get("b64_json"))
    if usage := event.get("usage"):
        own = {name: value for name, value in usage.items() if name != "credits_remaining"}
        plain["usage"] = own
    return plain
