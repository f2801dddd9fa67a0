"""One object is followed through gaps, expired versions and errors of a watch."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web

from tests.kubernetes.serving import refusing, serving, status, stream
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import ForbiddenError, UnreachableError
from tintype_kubernetes.following import follow_object
from tintype_kubernetes.resources import SECRETS


def version(number: int) -> KubernetesObject:
    return {"metadata": {"name": "keys", "resourceVersion": str(number)}}


def listing(*items: KubernetesObject, at: int) -> Callable[[web.Request], Any]:
    body = {"metadata": {"resourceVersion": str(at)}, "items": items}

    async def response(_: web.Request) -> web.Response:
        return web.json_response(body)

    return response


def watching(*events: tuple[str, KubernetesObject]) -> Callable[[web.Request], Any]:
    lines = [
        json.dumps({"type": type_, "object": found}).encode() + b"\n" for type_, found in events
    ]

    async def response(request: web.Request) -> web.StreamResponse:
        return await stream(request, *lines)

    return response


class Server:
    """Gives its responses in turn, and records the requests."""

    def __init__(self, *responses: Callable[[web.Request], Any]) -> None:
        self._responses = list(responses)
        self.queries: list[dict[str, str]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.queries.append(dict(request.query))
        response = self._responses.pop(0) if self._responses else watching()
        found: web.StreamResponse = await response(request)
        return found


def following(client: KubernetesClient) -> AsyncGenerator[KubernetesObject | None, None]:
    return follow_object(client, SECRETS, "ns", "keys")


async def seen(server: Server, count: int) -> list[KubernetesObject | None]:
    """The first `count` versions that a follower gets."""
    found: list[KubernetesObject | None] = []
    async with serving(server.handle) as client, aclosing(following(client)) as versions:
        async for each in versions:
            found.append(each)
            if len(found) == count:
                break
    return found


async def test_the_current_object_comes_first_and_then_each_change() -> None:
    server = Server(
        listing(version(1), at=5), watching(("MODIFIED", version(6)), ("MODIFIED", version(7)))
    )

    assert await seen(server, 3) == [version(1), version(6), version(7)]
    assert server.queries[0]["fieldSelector"] == "metadata.name=keys"
    assert server.queries[1]["fieldSelector"] == "metadata.name=keys"
    assert server.queries[1]["resourceVersion"] == "5"


async def test_a_missing_object_is_none_until_it_is_created() -> None:
    server = Server(listing(at=5), watching(("ADDED", version(6)), ("DELETED", version(7))))

    assert await seen(server, 3) == [None, version(6), None]


async def test_a_watch_that_the_server_ends_continues_after_its_last_event() -> None:
    server = Server(
        listing(version(1), at=5),
        watching(("BOOKMARK", version(9))),
        watching(("MODIFIED", version(10))),
    )

    assert await seen(server, 2) == [version(1), version(10)]
    assert server.queries[2]["resourceVersion"] == "9"


async def test_after_an_expired_version_the_object_is_read_again() -> None:
    expired = ("ERROR", status(410, "Expired"))
    server = Server(listing(version(1), at=5), watching(expired), listing(version(8), at=9))

    assert await seen(server, 2) == [version(1), version(8)]


async def test_a_missing_permission_is_an_error() -> None:
    async def forbidden(_: web.Request) -> web.Response:
        return refusing(403, "Forbidden")

    with pytest.raises(ForbiddenError):
        await seen(Server(forbidden), 1)


async def test_an_aborted_watch_is_an_error() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = await stream(request, b'{"type": ')
        assert request.transport is not None
        request.transport.abort()
        return response

    with pytest.raises(UnreachableError):
        await seen(Server(listing(version(1), at=5), cut), 2)
