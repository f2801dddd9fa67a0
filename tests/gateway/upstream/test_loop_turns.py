"""No response keeps the event loop for long in one turn, however its bytes are made.

What the functions cost that read it is tested in `test_parsing_costs`.
"""

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from json import JSONDecoder
from pathlib import Path
from types import FrameType
from typing import Any

import httpx2
import pytest

import tintype_gateway
from tintype_testing.faulty_server import Call, faulty_server, http_response
from tintype_testing.gateway import Gateway, running_gateway
from tintype_testing.manifests import image_model, provider_binding
from tintype_testing.sample_images import drawn, png_chunk

SIZE = 8 * 2**20
GATEWAY = str(Path(tintype_gateway.__file__).parent)

MOST_STEPS = 40_000
"""What a turn may do, in some milliseconds. A walk through all of a hostile response would have
millions of steps."""

CHARACTERS_A_STEP = 16
"""The characters of JSON that are parsed in the time of a line of Python."""

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


class Steps:
    """Counts what the gateway does in this thread: a machine's load changes nothing of it.

    A step is a line of the gateway's code, or a few characters of JSON that the parser reads, whose
    steps are none in Python. What else is written in C reads megabytes in a millisecond.
    """

    def __init__(self) -> None:
        self.count = 0

    def trace(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        """Follow a call of the gateway's code line by line: a function for `sys.settrace`."""
        if frame.f_code.co_filename.startswith(GATEWAY):
            return self._line
        if frame.f_code is JSONDecoder.raw_decode.__code__:
            self.count += len(frame.f_locals["s"]) // CHARACTERS_A_STEP
        return None

    def _line(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any]:
        self.count += event == "line"
        return self._line


@asynccontextmanager
async def steps_of_turns() -> AsyncIterator[list[int]]:
    """Note the steps of each turn of the event loop in the block, the longest turn first."""
    turns: list[int] = []
    steps = Steps()

    async def tick() -> None:
        while True:
            before = steps.count
            await asyncio.sleep(0)
            turns.append(steps.count - before)

    ticking, others = asyncio.create_task(tick()), sys.gettrace()
    sys.settrace(steps.trace)
    try:
        yield turns
    finally:
        sys.settrace(others)
        ticking.cancel()
        turns.sort(reverse=True)


async def serves(gateway: Gateway) -> bool:
    """Return whether a request gets a whole response of status 200."""
    try:
        return (await gateway.generate()).status_code == 200
    except httpx2.RemoteProtocolError:  # what was being passed through broke off
        return False


async def turn_of(folder: Path, data: bytes) -> tuple[bool, int]:
    """Return whether a client gets its image, and the steps of the longest turn meanwhile."""
    async with faulty_server(partial(says_in_pieces, data)) as provider:
        model = image_model(size={"mode": "List", "sizes": ["256x256"]}, watermark="c2pa")
        binding = provider_binding(upstreamModel="gpt-image-2", endpoint=provider.url)
        async with running_gateway(folder, model, binding) as gateway, steps_of_turns() as turns:
            is_served = await serves(gateway)
    return is_served, turns[0]


async def test_the_steps_of_an_ordinary_response_are_few_and_counted(tmp_path: Path) -> None:
    is_served, steps = await turn_of(tmp_path, ORDINARY)

    assert is_served
    assert 100 < steps < MOST_STEPS


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_response_takes_no_long_turn(tmp_path: Path, kind: str) -> None:
    is_served, steps = await turn_of(tmp_path, HOSTILE[kind]())

    assert not is_served
    assert steps < MOST_STEPS
