"""`GET /v1/images/jobs/{id}/events`: the stream of a job, from any event on."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.gateway.api.jobs.support import (
    JOBS,
    add_event,
    claimed,
    complete,
    end,
    fetch,
    submitted,
)
from tintype_gateway.errors import UnavailableError
from tintype_gateway.storage.folder import FolderStore
from tintype_testing.gateway import Gateway


async def events_of(
    gateway: Gateway, job_id: str, last: str | None = None
) -> list[tuple[str, str, Any]]:
    """Return id, name and data of the events of a job that has ended."""
    response = await fetch(
        gateway, f"/{job_id}/events", {} if last is None else {"Last-Event-ID": last}
    )
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "text/event-stream"
    return list(map(parsed, response.text.split("\n\n")[:-1]))


def parsed(text: str) -> tuple[str, str, Any]:
    """Return id, name and data of an event."""
    fields = dict(line.split(": ", 1) for line in text.splitlines())
    return fields["id"], fields["event"], json.loads(fields["data"])


async def test_all_events_of_an_ended_job_come_and_the_stream_ends(
    gateway: Gateway, store: FolderStore
) -> None:
    await submitted(gateway)
    (job,) = await claimed(gateway)
    await add_event(gateway, store, job, "partial_image", b"a preview")
    await add_event(gateway, store, job, "completed", b"an image")
    await complete(gateway, store, job, [b"an image"])

    assert await events_of(gateway, job.id) == [
        ("1", "image_generation.partial_image", {"b64_json": "YSBwcmV2aWV3"}),
        ("2", "image_generation.completed", {"b64_json": "YW4gaW1hZ2U="}),
    ]


async def test_a_stream_goes_on_after_the_last_event_that_the_client_has(
    gateway: Gateway, store: FolderStore
) -> None:
    await submitted(gateway)
    (job,) = await claimed(gateway)
    await add_event(gateway, store, job, "partial_image", b"a preview")
    await add_event(gateway, store, job, "completed", b"an image")
    await complete(gateway, store, job, [b"an image"])

    rest = await events_of(gateway, job.id, last="1")
    ended = await fetch(gateway, f"/{job.id}/events", {"Last-Event-ID": "2"})

    assert [number for number, _, _ in rest] == ["2"]
    assert (ended.status_code, ended.content) == (204, b"")


async def test_a_job_that_failed_ends_its_stream_with_the_error(gateway: Gateway) -> None:
    await submitted(gateway)
    (job,) = await claimed(gateway)
    error = UnavailableError("no answer", code="timeout")
    await end(gateway, job, "failed", error=error)

    ((number, name, data),) = await events_of(gateway, job.id)
    again = await fetch(gateway, f"/{job.id}/events", {"Last-Event-ID": number})

    assert (name, data) == ("error", {"type": "error", **error.body()})
    assert again.status_code == 204


async def test_a_cancelled_job_says_so_in_its_stream(gateway: Gateway) -> None:
    job_id = await submitted(gateway)
    await fetch(gateway, f"/{job_id}", method="DELETE")

    ((_, name, data),) = await events_of(gateway, job_id)

    assert (name, data["error"]["code"]) == ("error", "job_cancelled")


async def test_events_come_as_they_happen_with_heartbeats_between(
    gateway: Gateway, store: FolderStore
) -> None:
    job_id = await submitted(gateway)
    async with opened(gateway, job_id) as lines:
        assert await anext(lines) == ": ping"
        (job,) = await claimed(gateway)
        await add_event(gateway, store, job, "completed", b"an image")
        assert await line_of(lines, "id: ") == "id: 1"
        await complete(gateway, store, job, [b"an image"])
        assert [line async for line in lines if line.startswith("id: ")] == []


async def test_a_stream_ends_when_the_gateway_stops(gateway: Gateway) -> None:
    job_id = await submitted(gateway)
    async with opened(gateway, job_id) as lines:
        assert await anext(lines) == ": ping"
        gateway.jobs.changes.drain()
        assert [line async for line in lines if line not in (": ping", "")] == []


async def test_an_event_whose_image_is_gone_is_a_comment(
    gateway: Gateway, store: FolderStore
) -> None:
    await submitted(gateway)
    (job,) = await claimed(gateway)
    await add_event(gateway, store, job, "completed", b"an image")
    await complete(gateway, store, job, [b"an image"])
    await store.delete(f"jobs/{job.id}.completed.json")

    response = await fetch(gateway, f"/{job.id}/events")

    assert (response.status_code, response.text) == (200, ": event 1 is no longer stored\n\n")


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "99999999999999999999"])
async def test_an_id_of_no_event_is_400(gateway: Gateway, last: str) -> None:
    job_id = await submitted(gateway)

    response = await fetch(gateway, f"/{job_id}/events", {"Last-Event-ID": last})

    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, "Last-Event-ID")


@asynccontextmanager
async def opened(gateway: Gateway, job_id: str) -> AsyncIterator[AsyncIterator[str]]:
    """Open the stream of a job, and give its lines to the block."""
    async with (
        gateway.http() as http,
        http.stream("GET", f"{JOBS}/{job_id}/events") as response,
    ):
        yield response.aiter_lines()


async def line_of(lines: AsyncIterator[str], prefix: str) -> str:
    """Return the next line with a prefix."""
    async for line in lines:
        if line.startswith(prefix):
            return line
    raise AssertionError(f"the stream ended without {prefix!r}")
