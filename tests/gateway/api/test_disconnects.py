"""Clients that leave before their response is complete."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.gateway.api.test_provider_faults import unsettled
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually


@dataclass
class SilentProvider:
    """A provider that accepts a request and never responds."""

    url: str = ""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the caller has closed the connection."""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked.set()
        await reader.read()
        self.left.set()
        writer.close()


@pytest.fixture
async def provider() -> AsyncIterator[SilentProvider]:
    provider = SilentProvider()
    async with await asyncio.start_server(provider.take, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        provider.url = f"http://{host}:{port}"
        yield provider


def closed_by_clients() -> float:
    return metric(
        "tintype_http_requests_total", method="POST", route="/v1/images/generations", status="499"
    )


async def test_a_request_whose_client_leaves_is_given_up_and_costs_nothing(
    tmp_path: Path, provider: SilentProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tintype.access")
    closed, lost = closed_by_clients(), unsettled("cancelled")
    async with running_gateway(tmp_path, *canvas(endpoint=provider.url)) as gateway:
        request = asyncio.create_task(gateway.generate())
        await provider.asked.wait()
        assert (await gateway.account()).held == 640_000

        request.cancel()

        async with asyncio.timeout(60):
            await provider.left.wait()
        await eventually(lambda: closed_by_clients() == closed + 1)
        account = await gateway.account()
        assert (account.balance, account.held) == (CREDITS_MICRO, 0)
    assert unsettled("cancelled") == lost + 1
    assert [vars(record)["status"] for record in caplog.records] == [499]


async def test_all_calls_of_one_request_are_given_up_with_it(
    tmp_path: Path, provider: SilentProvider
) -> None:
    closed, lost = closed_by_clients(), unsettled("cancelled")
    async with running_gateway(tmp_path, *canvas(endpoint=provider.url)) as gateway:
        request = asyncio.create_task(gateway.generate(n=4))
        await provider.asked.wait()

        request.cancel()

        await eventually(lambda: closed_by_clients() == closed + 1)
    assert unsettled("cancelled") == lost + 4


async def test_a_client_that_leaves_while_it_sends_its_body_has_bought_nothing(
    gateway: Gateway,
) -> None:
    closed = closed_by_clients()
    async with raw_connection(gateway) as (_, writer):
        writer.write(head(gateway, length=100) + b'{"model"')
        await eventually(lambda: metric("tintype_http_requests_in_flight") == 1)

    await eventually(lambda: closed_by_clients() == closed + 1)
    assert await gateway.upstream_calls() == []


async def test_a_client_that_leaves_while_it_reads_complete_images_has_paid_for_them(
    gateway: Gateway,
) -> None:
    closed, lost = closed_by_clients(), unsettled("cancelled")
    body = b'{"model": "gpt-image-1-mini", "prompt": "a red fox", "n": 10, "quality": "low"}'
    async with raw_connection(gateway) as (reader, writer):
        writer.write(head(gateway, len(body), "Idempotency-Key: 17\r\n") + body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")

    await eventually(lambda: closed_by_clients() == closed + 1)
    cost = (10 * 272 * 8 + 2 * 2) * 16
    assert (await gateway.account()).balance == CREDITS_MICRO - cost
    assert unsettled("cancelled") == lost


@asynccontextmanager
async def raw_connection(
    gateway: Gateway,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection that takes little at a time, and drop it."""
    address = urlsplit(gateway.url)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, (address.hostname, address.port))
    reader, writer = await asyncio.open_connection(sock=narrow, limit=4096)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def head(gateway: Gateway, length: int, more: str = "") -> bytes:
    """Return the head of a request for images, with `more` headers."""
    return (
        "POST /v1/images/generations HTTP/1.1\r\n"
        "Host: gateway\r\n"
        f"Authorization: Bearer {gateway.key}\r\n"
        "Content-Type: application/json\r\n"
        f"{more}Content-Length: {length}\r\n\r\n"
    ).encode()
