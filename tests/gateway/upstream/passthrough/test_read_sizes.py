"""Of each of many images that pass through at once, less is read at a time."""

import asyncio
import json
import socket
from typing import Any

import aiohttp
import pytest
from typing_extensions import override

from tests.gateway.api.scripted import Script, scripted
from tests.gateway.upstream.passthrough.reading import PNG, Client, read_whole
from tintype_gateway.dialects.bedrock import stability
from tintype_gateway.upstream.passthrough import PassThrough
from tintype_gateway.upstream.read_sizes import LARGE_BYTES, SMALL_BYTES, ReadSizes
from tintype_gateway.upstream.transport import call
from tintype_gateway.values.images import PassingImage
from tintype_gateway.values.upstream import Timeouts, UpstreamRequest
from tintype_testing.builders import plan

CONTENT = json.dumps({"finish_reasons": [None], "images": [PNG], "seeds": ["7"]}).encode()


@pytest.mark.parametrize(("many", "expected"), [(0, SMALL_BYTES), (1, LARGE_BYTES)])
async def test_above_a_number_of_images_less_is_read_of_each(many: int, expected: int) -> None:
    transports: list[Any] = []

    class Connector(aiohttp.TCPConnector):
        @override
        async def connect(self, *arguments: Any, **options: Any) -> Any:
            connection = await super().connect(*arguments, **options)
            transports.append(connection.transport)
            return connection

    half, remains = len(CONTENT) // 2, asyncio.Event()
    script = Script([CONTENT[:half], remains, CONTENT[half:]], content_type="application/json")
    through, seen = PassThrough(stability.FIRST_IMAGE, plan(), read_whole), list[int]()
    async with (
        scripted(script) as provider,
        aiohttp.ClientSession(connector=Connector()) as session,
    ):
        url = f"{provider.url}/v1/images/generations"
        request = UpstreamRequest(url, {"Content-Type": "application/json"}, b"{}")
        limits, sizes = Timeouts(60, 60, 60), ReadSizes(many)
        async for event in call(request, stability, session, limits, through, sizes=sizes):
            if isinstance(event, PassingImage):
                seen.append(transports[0].max_size)
                remains.set()
                await Client().take(event.pieces)
        seen.append(transports[0].max_size)

    assert through.passed
    assert seen == [expected, LARGE_BYTES]


async def test_asyncio_reads_no_more_at_once_than_a_transport_is_told() -> None:
    sizes, ended = list[int](), asyncio.Event()

    class Counting(asyncio.Protocol):
        @override
        def data_received(self, data: bytes) -> None:
            sizes.append(len(data))

        @override
        def connection_lost(self, exc: Exception | None) -> None:
            ended.set()

    ours, theirs = socket.socketpair()
    with theirs:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(Counting, sock=ours)
        assert transport.max_size == LARGE_BYTES  # type: ignore[attr-defined]
        transport.max_size = 10  # type: ignore[attr-defined]
        theirs.sendall(bytes(100))
    await ended.wait()
    transport.close()

    assert sizes == [10] * 10
