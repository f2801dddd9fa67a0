"""Small files with huge images are neither decoded nor charged."""

import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from tests.gateway.api.test_provider_faults import unsettled
from tests.gateway.upstream.dialect_manifests import counted_as, gateway_before, is_refused
from tintype_gateway.images.decoder import MAX_PIXELS
from tintype_testing.faulty_server import http_response, says
from tintype_testing.sample_images import encoded


def huge_png(edge: int) -> bytes:
    """Return a square PNG of one color with this edge, one bit a pixel."""
    file = io.BytesIO()
    Image.new("1", (edge, edge)).save(file, "png")
    return file.getvalue()


def png_with(chunk: bytes, content: bytes) -> bytes:
    """Return a small PNG with another chunk after its header."""
    file = io.BytesIO()
    Image.new("RGB", (256, 256)).save(file, "png")
    checksum = zlib.crc32(chunk + content)
    inserted = struct.pack(">I", len(content)) + chunk + content + struct.pack(">I", checksum)
    return file.getvalue()[:33] + inserted + file.getvalue()[33:]


def blank(mebibytes: int) -> bytes:
    return zlib.compress(bytes(mebibytes * 2**20), 9)


def two_headed_png(edge: int) -> bytes:
    """Return a PNG whose second header declares a square with this edge."""
    header = struct.pack(">IIBBBBB", 16, 16, 1, 0, 0, 0, 0)
    chunk = b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    file = huge_png(edge)
    return file[:8] + struct.pack(">I", len(header)) + chunk + file[8:]


BOMBS: dict[str, Callable[[], bytes]] = {
    "of many pixels": lambda: huge_png(12_000),
    "of a second header": lambda: two_headed_png(8_000),
    "of a compressed text": lambda: png_with(b"zTXt", b"Comment\0\0" + blank(64)),
    "of a compressed profile": lambda: png_with(b"iCCP", b"Profile\0\0" + blank(64)),
}


def body(image: bytes) -> bytes:
    return json.dumps({"created": 1, "data": [{"b64_json": encoded(image).decode()}]}).encode()


def test_the_bombs_are_bombs() -> None:
    assert MAX_PIXELS < 12_000**2
    assert all(len(make()) < 100_000 for make in BOMBS.values())
    assert PngImagePlugin.MAX_TEXT_CHUNK < 64 * 2**20


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("case", BOMBS)
async def test_a_bomb_that_had_to_be_decoded_is_an_unknown_outcome(
    tmp_path: Path, case: str, stream: bool
) -> None:
    behavior, before = says(http_response(body(BOMBS[case]()))), unsettled("outcome_unknown")
    async with gateway_before(tmp_path, behavior) as (gateway, _):
        with counted_as("success"):  # of the call: what is made of it comes after
            response = await gateway.generate(stream=stream, output_format="webp")

        await is_refused(gateway, response, 503, "outcome_unknown")
    assert unsettled("outcome_unknown") == before + 1
