"""Clients that leave in the middle of a stream pay for what was sent, and for nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.gateway.api.scripted import (
    Script,
    ScriptedProvider,
    completed,
    event,
    partial_image,
)
from tests.gateway.api.test_disconnects import closed_by_clients, head, raw_connection
from tests.gateway.api.test_provider_faults import counted, unsettled
from tests.gateway.api.test_streams import PRICE, gateway_with
from tintype_testing.gateway import CREDITS_MICRO, Gateway
from tintype_testing.metrics import metric
from tintype_testing.sample_images import sample_image
from tintype_testing.waiting import eventually

LARGE = sample_image("png", 1024, 1024, compress_level=0).decode()
"""An image that fills every buffer on its way many times over."""

END = b'"credits_used": 640000'
"""Stands at the end of the event of each image."""


@asynccontextmanager
async def connected(gateway: Gateway, **fields: object) -> AsyncIterator[asyncio.StreamReader]:
    """Ask for a stream, read what one wants of it, and leave. Return when the gateway knows."""
    closed = closed_by_clients()
    async with raw_connection(gateway) as (reader, writer):
        ask(gateway, writer, **fields)
        yield reader
    await eventually(lambda: closed_by_clients() == closed + 1)


def ask(gateway: Gateway, writer: asyncio.StreamWriter, **fields: object) -> None:
    asked = {"model": "canvas", "prompt": "a red fox", "stream": True} | fields
    body = json.dumps(asked).encode()
    writer.write(head(gateway, len(body)) + body)


async def asked_for(provider: ScriptedProvider, calls: int) -> None:
    await eventually(lambda: len(provider.bodies) == calls)


async def spent(gateway: Gateway) -> int:
    account = await gateway.account()
    assert account.held == 0
    return CREDITS_MICRO - account.balance


async def test_a_disconnect_before_the_first_event_costs_nothing_and_cancels_all_calls(
    tmp_path: Path,
) -> None:
    lost = unsettled("cancelled")
    scripts = [Script([asyncio.Event()]) for _ in range(3)]
    async with gateway_with(tmp_path, *scripts) as (gateway, provider):
        async with connected(gateway, n=3):
            await asked_for(provider, 3)

        await eventually(lambda: provider.left == 3)
        assert await spent(gateway) == 0
    assert unsettled("cancelled") == lost + 3


async def left_with_previews(
    folder: Path, *scripts: Script, gate: asyncio.Event, previews: int
) -> tuple[int, int]:
    """Leave a stream after its previews, before any completed event, and then open the gate.

    Return what was charged, and how many calls were cancelled.
    """
    async with gateway_with(folder, *scripts) as (gateway, provider):
        closed = closed_by_clients()
        async with raw_connection(gateway) as (reader, writer):
            ask(gateway, writer, n=len(scripts), partial_images=3)
            for _ in range(previews):
                await reader.readuntil(b'"index":')
            await asked_for(provider, len(scripts))
        await eventually(lambda: provider.left == len(scripts) - previews)
        gate.set()
        await eventually(lambda: closed_by_clients() == closed + 1)
        return await spent(gateway), provider.left


async def test_the_first_preview_sells_its_image_and_calls_without_one_are_cancelled(
    tmp_path: Path,
) -> None:
    gate = asyncio.Event()
    seen = [Script([partial_image(), gate, completed()]) for _ in range(3)]
    unseen = [Script([asyncio.Event()]) for _ in range(7)]

    charged, cancelled = await left_with_previews(tmp_path, *seen, *unseen, gate=gate, previews=3)

    assert charged == 3 * PRICE
    assert cancelled == 7


@pytest.mark.parametrize(
    "end",
    [
        event("error", error={"code": "moderation_blocked", "message": "no"}),
        event("error", error={"code": None, "type": "server_error"}),
        b"",
    ],
    ids=["refused", "failed", "ended"],
)
async def test_a_preview_before_a_fault_or_a_refusal_is_free(tmp_path: Path, end: bytes) -> None:
    gate = asyncio.Event()
    script = Script([partial_image(), gate, end])

    assert await left_with_previews(tmp_path, script, gate=gate, previews=1) == (0, 0)


async def test_a_disconnect_after_a_heartbeat_costs_nothing(tmp_path: Path) -> None:
    script = Script([asyncio.Event()])
    async with gateway_with(tmp_path, script, heartbeat_seconds=0.02) as (gateway, provider):
        async with connected(gateway) as reader:
            await reader.readuntil(b": ping\n\n")

        await eventually(lambda: provider.left == 1)
        assert await spent(gateway) == 0


async def test_a_disconnect_after_the_first_of_two_images_costs_one(tmp_path: Path) -> None:
    lost = unsettled("cancelled")
    scripts = [Script([completed()]), Script([asyncio.Event()])]
    async with gateway_with(tmp_path, *scripts) as (gateway, provider):
        async with connected(gateway, n=2) as reader:
            await reader.readuntil(END)

        await eventually(lambda: provider.left == 1)
        assert await spent(gateway) == PRICE
    assert unsettled("cancelled") == lost + 1


async def test_a_disconnect_in_the_middle_of_an_image_costs_the_image(tmp_path: Path) -> None:
    async with gateway_with(tmp_path, Script([completed(LARGE)])) as (gateway, _):
        async with connected(gateway) as reader:
            await reader.readuntil(b'"b64_json": "')

        assert await spent(gateway) == PRICE


async def test_finished_images_that_were_not_sent_are_not_paid_for_but_counted(
    tmp_path: Path,
) -> None:
    lost, done = unsettled("undelivered"), counted("success")
    scripts = [Script([completed(LARGE)]) for _ in range(3)]
    async with gateway_with(tmp_path, *scripts) as (gateway, _):
        async with connected(gateway, n=3) as reader:
            await reader.readuntil(b'"b64_json": "')
            await eventually(lambda: counted("success") == done + 3)

        assert await spent(gateway) == PRICE
    assert unsettled("undelivered") == lost + 2


async def test_a_client_that_does_not_read_holds_the_provider_up(tmp_path: Path) -> None:
    script = Script([*(partial_image(number, LARGE) for number in range(3)), completed(LARGE)])
    done = counted("success")
    async with gateway_with(tmp_path, script) as (gateway, provider):
        async with connected(gateway, partial_images=3) as reader:
            await reader.readuntil(b'"b64_json": "')
            assert counted("success") == done

        assert await spent(gateway) == PRICE  # the first preview has sold the image
        assert provider.left == 0


@pytest.mark.parametrize("share", [0, 1, 17, 33, 50, 66, 67, 84, 99, 100])
async def test_whenever_a_client_leaves_each_image_it_has_is_paid_once(
    tmp_path: Path, share: int
) -> None:
    scripts = [Script([partial_image(0, LARGE), completed(LARGE)]) for _ in range(3)]
    async with gateway_with(tmp_path, *scripts) as (gateway, provider):
        received = bytearray()
        async with wide_connection(gateway) as (reader, writer):
            ask(gateway, writer, n=3, partial_images=1)
            await asked_for(provider, 3)
            while len(received) < share * 6 * len(LARGE) // 100:
                received += await reader.read(1 << 20)
        await eventually(lambda: metric("tintype_http_requests_in_flight") == 0)

        assert await spent(gateway) in range(received.count(END) * PRICE, 3 * PRICE + 1, PRICE)


@asynccontextmanager
async def wide_connection(
    gateway: Gateway,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection that takes much at a time, and drop it."""
    address = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1 << 20)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def test_a_stream_that_broke_off_is_never_bought_again_by_the_same_key(
    tmp_path: Path,
) -> None:
    scripts = [Script([completed()]), Script([asyncio.Event()])]
    async with gateway_with(tmp_path, *scripts) as (gateway, provider):
        key = {"Idempotency-Key": "order-17"}
        first = asyncio.create_task(gateway.generate(key, stream=True, n=2))
        await asked_for(provider, 2)
        await eventually(lambda: provider.left == 0)
        first.cancel()
        await eventually(lambda: provider.left == 1)
        repeat = await gateway.generate(key, stream=True, n=2)

        assert repeat.status_code == 409
        assert len(provider.bodies) == 2
