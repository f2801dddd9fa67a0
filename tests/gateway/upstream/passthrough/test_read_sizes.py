"""Of each of many responses that arrive at once, less is read at a time."""

import asyncio
import json
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from tests.gateway.api.scripted import Script, scripted
from tests.gateway.upstream.passthrough.reading import PNG, Client, read_whole
from tintype_gateway.dialects.bedrock import stability
from tintype_gateway.upstream.passthrough import PassThrough
from tintype_gateway.upstream.read_sizes import (
    ASYNCIO_BYTES,
    LARGEST_BYTES,
    SHARED_BYTES,
    SMALLEST_BYTES,
    ReadSizes,
    read_bytes,
)
from tintype_gateway.upstream.transport import call
from tintype_gateway.values.images import PassingImage
from tintype_gateway.values.upstream import Timeouts, UpstreamRequest
from tintype_testing.builders import plan
from tintype_testing.certificates import self_signed

CONTENT = json.dumps({"finish_reasons": [None], "images": [PNG], "seeds": ["7"]}).encode()
MANY = SHARED_BYTES // SMALLEST_BYTES + 1


def test_all_responses_share_what_is_read_at_once() -> None:
    assert [read_bytes(each) for each in (1, 16, 32, 64)] == [
        LARGEST_BYTES,
        LARGEST_BYTES,
        LARGEST_BYTES // 2,
        LARGEST_BYTES // 4,
    ]


@given(st.integers(1, 100_000))
def test_a_read_has_at_least_the_smallest_size(responses: int) -> None:
    assert SMALLEST_BYTES <= read_bytes(responses) <= LARGEST_BYTES
    assert read_bytes(responses) >= read_bytes(responses + 1)


@pytest.mark.parametrize(
    ("others", "is_free", "expected"),
    [
        (0, True, LARGEST_BYTES),
        (31, True, LARGEST_BYTES // 2),
        (0, False, ASYNCIO_BYTES),
        (MANY, False, SMALLEST_BYTES),
    ],
)
async def test_more_is_read_at_once_of_few_responses_if_there_is_memory(
    others: int, is_free: bool, expected: int
) -> None:
    asked_for = list[int]()

    def grow(more: int) -> bool:
        asked_for.append(more)
        return is_free

    transports: list[Any] = []

    class Connector(aiohttp.TCPConnector):
        @override
        async def connect(self, *arguments: Any, **options: Any) -> Any:
            connection = await super().connect(*arguments, **options)
            transports.append(connection.transport)
            return connection

    half, remains = len(CONTENT) // 2, asyncio.Event()
    script = Script([CONTENT[:half], remains, CONTENT[half:]], content_type="application/json")
    through, seen = PassThrough(stability.FIRST_IMAGE, plan(), read_whole, grow=grow), list[int]()
    async with (
        scripted(script) as provider,
        aiohttp.ClientSession(connector=Connector()) as session,
    ):
        url = f"{provider.url}/v1/images/generations"
        request = UpstreamRequest(url, {"Content-Type": "application/json"}, b"{}")
        limits, sizes = Timeouts(60, 60, 60), ReadSizes()
        with ExitStack() as arriving:
            for _ in range(others):
                arriving.enter_context(sizes.reading(Mock(aiohttp.ClientResponse, connection=None)))
            async for event in call(request, stability, session, limits, through, sizes=sizes):
                if isinstance(event, PassingImage):
                    seen.append(transports[0].max_size)
                    remains.set()
                    await Client().take(event.pieces)
        seen.append(transports[0].max_size)

    assert through.passed
    assert seen == [expected, ASYNCIO_BYTES]
    assert asked_for == [
        2 * (size - ASYNCIO_BYTES) for size in [read_bytes(others + 1)] if size > ASYNCIO_BYTES
    ]


class Counting(asyncio.Protocol):
    """Notes how much each read brings."""

    def __init__(self) -> None:
        self.sizes = list[int]()
        self.ended = asyncio.Event()

    @override
    def data_received(self, data: bytes) -> None:
        self.sizes.append(len(data))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


async def test_asyncio_reads_no_more_at_once_than_a_transport_is_told() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        loop = asyncio.get_running_loop()
        transport, reading = await loop.create_connection(Counting, sock=ours)
        assert transport.max_size == ASYNCIO_BYTES  # type: ignore[attr-defined]
        transport.max_size = 10  # type: ignore[attr-defined]
        theirs.sendall(bytes(100))
    await reading.ended.wait()
    transport.close()

    assert reading.sizes == [10] * 10


@pytest.fixture
def tls_read_size(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """What asyncio reads at once of a connection with TLS. It is put back after the test."""
    monkeypatch.setattr(SSLProtocol, "max_size", ASYNCIO_BYTES)
    return lambda: SSLProtocol.max_size


def test_less_is_read_at_once_under_tls_while_there_are_many_calls(
    tls_read_size: Callable[[], int],
) -> None:
    sizes, seen = ReadSizes(), [tls_read_size()]
    with ExitStack() as calls:
        for _ in range(MANY):
            calls.enter_context(sizes)
            seen.append(tls_read_size())
    seen.append(tls_read_size())

    assert seen[:65] == [ASYNCIO_BYTES] * 65
    assert ASYNCIO_BYTES > seen[65] > SMALLEST_BYTES
    assert seen[MANY:] == [SMALLEST_BYTES, ASYNCIO_BYTES]


@pytest.mark.usefixtures("tls_read_size")
@pytest.mark.parametrize(("calls", "limit"), [(1, ASYNCIO_BYTES), (MANY, SMALLEST_BYTES)])
async def test_asyncio_reads_no_more_at_once_of_a_connection_with_tls(
    tmp_path: Path, calls: int, limit: int
) -> None:
    context = await self_signed(tmp_path, "-addext subjectAltName=IP:127.0.0.1")

    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(4 * ASYNCIO_BYTES))
        writer.close()

    server, sizes = await asyncio.start_server(send, "127.0.0.1", ssl=context), ReadSizes()
    async with server:
        with ExitStack() as stack:
            for _ in range(calls):
                stack.enter_context(sizes)
            trusting = ssl.create_default_context(cafile=tmp_path / "certificate.pem")
            loop, address = asyncio.get_running_loop(), server.sockets[0].getsockname()
            transport, reading = await loop.create_connection(Counting, *address, ssl=trusting)
            response = Mock(aiohttp.ClientResponse, connection=Mock(transport=transport))
            with sizes.reading(response, grow=Mock(side_effect=AssertionError)):  # it asks for none
                await reading.ended.wait()
        transport.close()

    assert sum(reading.sizes) == 4 * ASYNCIO_BYTES
    assert limit // 4 < max(reading.sizes) <= limit
