"""One hostile response keeps the event loop no longer than an ordinary one of the same size."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tintype_testing.faulty_server import Call, faulty_server, http_response
from tintype_testing.gateway import Gateway, running_gateway
from tintype_testing.manifests import image_model, provider_binding
from tintype_testing.sample_images import drawn, png_chunk

SIZE = 8 * 2**20
PNG, JPEG = drawn("png", 256, 256), drawn("jpeg", 256, 256)


def repeated(part: bytes) -> bytes:
    return part * (SIZE // len(part))


def shown(file: bytes, **fields: str) -> bytes:
    image = fields | {"b64_json": base64.b64encode(file).decode()}
    return json.dumps({"created": 1, "data": [image]}).encode()


USUAL = PNG[:33] + repeated(png_chunk(b"IDAT", bytes(65536))) + PNG[33:]
ORDINARY = http_response(shown(USUAL, revised_prompt="{}"))
"""A brace before the image makes it one that is read whole, as most hostile ones are."""

HOSTILE: dict[str, Callable[[], bytes]] = {
    "PNG chunks": lambda: http_response(shown(PNG[:33] + repeated(png_chunk(b"tEXt")) + PNG[33:])),
    "PNG chunks without end": lambda: http_response(shown(PNG[:33] + repeated(png_chunk(b"tEXt")))),
    "JPEG segments": lambda: http_response(
        shown(JPEG[:2] + repeated(b"\xff\xeb\0\4JP") + JPEG[2:])
    ),
    "JPEG fill bytes": lambda: http_response(shown(JPEG[:20] + repeated(b"\xff") + JPEG[20:])),
    "junk in a JPEG": lambda: http_response(shown(JPEG[:20] + repeated(b"x") + JPEG[20:])),
    "strings": lambda: http_response(b"[" + repeated(b'"",') + b"0]"),
    "backslashes": lambda: http_response(b'["' + repeated(b"\\\\") + b'"]'),
    "objects": lambda: http_response(b'{"data":[' + repeated(b"{},") + b"{}]}"),
    "numbers": lambda: http_response(b'{"data":[' + repeated(b"1e9999,") + b"0]}"),
    "an error": lambda: http_response(
        b'{"error":{"message":[' + repeated(b'{"a":1},') + b"0]}}", status="400 Bad Request"
    ),
}


async def says_in_pieces(data: bytes, call: Call) -> None:
    await call.request()
    for start in range(0, len(data), 65536):
        await call.send(data[start : start + 65536])


@asynccontextmanager
async def longest_turn() -> AsyncIterator[list[float]]:
    """Note the CPU time of each turn of the event loop in the block, the longest one first."""
    turns: list[float] = []

    async def tick() -> None:
        while True:
            begun = time.thread_time()
            await asyncio.sleep(0)
            turns.append(time.thread_time() - begun)

    ticking = asyncio.create_task(tick())
    yield turns
    ticking.cancel()
    turns.sort(reverse=True)


async def serves(gateway: Gateway) -> bool:
    """Return whether a request gets a whole response of status 200."""
    try:
        return (await gateway.generate()).status_code == 200
    except httpx2.RemoteProtocolError:  # what was being passed through broke off
        return False


async def turn_of(folder: Path, data: bytes) -> tuple[bool, float]:
    """Return whether a client gets its image, and the longest turn meanwhile, the best of three."""
    best, is_served = float("inf"), False
    async with faulty_server(partial(says_in_pieces, data)) as provider:
        model = image_model(size={"mode": "List", "sizes": ["256x256"]}, watermark="c2pa")
        binding = provider_binding(upstreamModel="gpt-image-2", endpoint=provider.url)
        async with running_gateway(folder, model, binding) as gateway:
            for _ in range(3):
                async with longest_turn() as turns:
                    is_served = await serves(gateway)
                best = min(best, turns[0])
    return is_served, best


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_response_takes_no_longer_turn_than_an_ordinary_one(
    tmp_path: Path, kind: str
) -> None:
    (tmp_path / "ordinary").mkdir()
    (tmp_path / "hostile").mkdir()
    is_served, ordinary = await turn_of(tmp_path / "ordinary", ORDINARY)
    assert is_served

    is_served, hostile = await turn_of(tmp_path / "hostile", HOSTILE[kind]())
    assert not is_served
    assert hostile < 4 * ordinary
