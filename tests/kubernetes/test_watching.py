import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.kubernetes.serving import refusing, serving, status, stream
from tintype_kubernetes.client import KubernetesClient
from tintype_kubernetes.errors import ApiError, UnreachableError, WatchExpiredError
from tintype_kubernetes.resources import CONFIGMAPS
from tintype_kubernetes.watching import WatchEvent, split_lines


def line(kind: str, version: int, **content: Any) -> bytes:
    event = {"type": kind, "object": {"metadata": {"resourceVersion": str(version)}} | content}
    return json.dumps(event).encode() + b"\n"


async def watched(client: KubernetesClient) -> list[WatchEvent]:
    events = client.watch(CONFIGMAPS, "ns", "1", field_selector="metadata.name=x", seconds=9)
    return [event async for event in events]


@given(st.lists(st.binary()))
async def test_lines_are_complete_for_any_split_of_the_bytes(chunks: list[bytes]) -> None:
    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    lines = [line async for line in split_lines(arriving())]

    assert lines == [line for line in b"".join(chunks).split(b"\n")[:-1] if line]


async def test_a_watch_yields_changes_and_bookmarks_until_the_server_ends_it() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert dict(request.query) == {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": "1",
            "timeoutSeconds": "9",
            "fieldSelector": "metadata.name=x",
        }
        return await stream(request, line("ADDED", 2), line("BOOKMARK", 5))

    async with serving(handler) as client:
        events = await watched(client)

    assert [(event.type, event.resource_version) for event in events] == [
        ("ADDED", "2"),
        ("BOOKMARK", "5"),
    ]


async def test_an_object_of_any_size_may_arrive_in_many_chunks() -> None:
    frame = line("MODIFIED", 2, binaryData="x" * 1_500_000) + line("DELETED", 3)
    pieces = [frame[at : at + 70_001] for at in range(0, len(frame), 70_001)]

    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, *pieces)

    async with serving(handler) as client:
        large, small = await watched(client)

    assert len(large.object["binaryData"]) == 1_500_000
    assert small.type == "DELETED"


async def test_an_expired_version_inside_the_stream_is_a_watch_expired_error() -> None:
    expired = json.dumps({"type": "ERROR", "object": status(410, "Expired", "too old")}).encode()

    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, expired + b"\n")

    async with serving(handler) as client:
        with pytest.raises(WatchExpiredError, match="too old"):
            await watched(client)


async def test_an_expired_version_at_the_start_of_a_watch_is_a_watch_expired_error() -> None:
    async def handler(request: web.Request) -> web.Response:
        return refusing(410, "Expired")

    async with serving(handler) as client:
        with pytest.raises(WatchExpiredError):
            await watched(client)


async def test_another_error_inside_the_stream_is_an_api_error() -> None:
    failed = json.dumps({"type": "ERROR", "object": status(500, "InternalError", "etcd")}).encode()

    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, failed + b"\n")

    async with serving(handler) as client:
        with pytest.raises(ApiError, match="500 InternalError: etcd"):
            await watched(client)


async def test_an_aborted_watch_is_an_error_after_its_complete_events() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await stream(request, line("ADDED", 2), line("ADDED", 3)[:20])
        assert request.transport is not None
        request.transport.abort()
        return response

    async with serving(handler) as client:
        events = client.watch(CONFIGMAPS, "ns", "1")
        assert (await anext(events)).resource_version == "2"
        with pytest.raises(UnreachableError):
            await anext(events)
