"""Clients that disconnect before their response, and a gateway that shuts down."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from tintype_gateway.http.drain import create_runner
from tintype_gateway.http.middleware import add_headers
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

LONG = 60
"""A time limit that no test reaches."""

REQUEST = b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n"


def defects() -> float:
    return metric("tintype_http_requests_total", method="unknown", route="unknown", status="500")


async def leave(request: web.Request) -> web.Response:
    """Fail as a write does whose client has just left."""
    assert request.transport is not None
    request.transport.abort()
    raise ConnectionError("the client left")


@asynccontextmanager
async def serving(
    handler: Callable[[web.Request], Awaitable[web.Response]], grace_period_seconds: float = 0
) -> AsyncIterator[web.AppRunner]:
    app = web.Application()
    app.on_response_prepare.append(add_headers)
    app.router.add_get("/", handler)
    runner = create_runner(app, drain_seconds=10, grace_period_seconds=grace_period_seconds)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner
    await runner.cleanup()


async def test_a_disconnected_client_is_not_a_500(caplog: pytest.LogCaptureFixture) -> None:
    before = defects()
    async with serving(leave) as runner:
        reader, writer = await asyncio.open_connection(*runner.addresses[0])
        writer.write(REQUEST)

        assert await reader.read() == b""

        writer.close()
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []
    assert defects() == before


async def test_a_connection_that_is_kept_is_said_to_close_once_the_gateway_ends() -> None:
    """Else its client would send the next request there, and never know what became of it."""
    connections: list[Any] = []
    may_respond = asyncio.Event()

    async def think(request: web.Request) -> web.Response:
        connections.append(request.protocol)
        await may_respond.wait()
        return web.Response(text="done")

    async with serving(think) as runner:
        reader, writer = await asyncio.open_connection(*runner.addresses[0])
        writer.write(REQUEST)
        await eventually(lambda: len(connections) == 1)
        ending = asyncio.create_task(runner.cleanup())
        await eventually(lambda: connections[0].is_closing)
        may_respond.set()

        assert b"connection: close" in (await reader.read()).lower()

        writer.close()
        await ending


async def response(request: web.Request) -> web.Response:
    return web.Response(text="done")


@asynccontextmanager
async def kept_connection(
    runner: web.AppRunner,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection that has had one response, and expects no other."""
    reader, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(REQUEST)
    assert b"connection: close" not in (await reader.readuntil(b"done")).lower()
    yield reader, writer
    writer.close()


async def test_a_request_that_arrives_during_shutdown_gets_the_last_response() -> None:
    async with (
        serving(response, grace_period_seconds=LONG) as runner,
        kept_connection(runner) as (reader, writer),
    ):
        address = runner.addresses[0]
        ending = asyncio.create_task(runner.cleanup())
        await eventually(lambda: not runner.sites)
        writer.write(REQUEST)

        last = await reader.read()
        await ending

        assert last.endswith(b"done")
        assert b"connection: close" in last.lower()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)


async def test_a_connection_that_brings_nothing_more_is_closed_in_the_end() -> None:
    async with (
        serving(response, grace_period_seconds=0.1) as runner,
        kept_connection(runner) as (reader, _),
    ):
        await runner.cleanup()

        assert await reader.read() == b""


async def test_without_idle_connections_the_end_waits_for_none() -> None:
    async with serving(response, grace_period_seconds=LONG) as runner, asyncio.timeout(LONG / 2):
        async with kept_connection(runner):
            pass
        await runner.cleanup()
