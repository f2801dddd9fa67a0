"""A request never holds more of its provider's responses than is reserved for it.

The model declares C2PA and its images carry none, so that only the end of an image tells.
"""

import base64
import io
import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.gateway.api.scripted import Script, completed, partial_image, scripted
from tintype_gateway.observability.request_meter import RequestMeter
from tintype_gateway.runtime.memory_budget import PASSED_ON_BYTES
from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.upstream.passthrough import LOOK_BYTES
from tintype_gateway.upstream.read_sizes import ASYNCIO_BYTES, LARGEST_BYTES
from tintype_testing.gateway import canvas, running_gateway
from tintype_testing.image_stores import folder_store
from tintype_testing.metrics import metric

EDGE = 1024
SAVED: dict[str, dict[str, Any]] = {
    "png": {},
    "jpeg": {"quality": 100, "subsampling": 0},
    "webp": {"lossless": True, "method": 0},
}
KEPT = {"Idempotency-Key": "order-17"}


@cache
def noise(form: str) -> str:
    """Return the largest image of its size and format, in base64."""
    pixels = random.Random(1).randbytes(3 * EDGE * EDGE)  # noqa: S311 - no secret
    file = io.BytesIO()
    Image.frombytes("RGB", (EDGE, EDGE), pixels).save(file, form, **SAVED[form])
    return base64.b64encode(file.getvalue()).decode()


BUFFERS_BYTES = PASSED_ON_BYTES + 2 * (LARGEST_BYTES - ASYNCIO_BYTES)
"""The buffers of the only response, of which a megabyte is read at once."""

BESIDE_BYTES = LOOK_BYTES + 4096
"""What is held beside the two reads of a buffer until a further image has begun, and the text
around it. The share of memory that is never reserved has room for it."""


class Watched:
    """What was held at most, and whether and by how much it ever was more than was reserved."""

    def __init__(self) -> None:
        self.most_held = 0.0
        self.most_reserved = 0.0
        self.most_beyond = 0.0
        self.is_exceeded = False

    def look(self, held: float) -> None:
        reserved = metric("tintype_memory_reserved_bytes")
        self.most_held = max(self.most_held, held)
        self.most_reserved = max(self.most_reserved, reserved)
        self.is_exceeded = self.is_exceeded or held > reserved
        self.most_beyond = max(self.most_beyond, held - reserved)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Look whenever a part of a provider's response arrives."""
    watched, received = Watched(), RequestMeter.received

    def look(meter: RequestMeter, size: int) -> None:
        received(meter, size)
        watched.look(meter.provider_bytes)

    monkeypatch.setattr(RequestMeter, "received", look)
    return watched


def plain(form: str, count: int = 1, prompt: str | None = None, **fields: object) -> Script:
    entry = {"b64_json": noise(form), "revised_prompt": prompt}
    body = fields | {"created": 17, "data": [entry] * count}
    return Script([json.dumps(body).encode()], content_type="application/json")


def streamed(form: str) -> Script:
    return Script([partial_image(0, noise(form)), completed(noise(form))])


async def asked(
    folder: Path,
    *scripts: Script,
    headers: dict[str, str] | None = None,
    per_call: int = 1,
    **fields: object,
) -> dict[str, Any]:
    """Ask a gateway with a store for images, and return the first of its response's `data`."""
    streams = bool(fields.get("stream"))
    async with scripted(*scripts) as provider:
        model, binding = canvas(
            endpoint=provider.url, upstreamModel="gpt-image-2" if streams else "dall-e-2"
        )
        model["spec"] |= {"watermark": "c2pa", "size": {"mode": "List", "sizes": ["1024x1024"]}}
        model["spec"]["limits"] = {"maxImagesPerCall": per_call}
        images = ImageTools(store=folder_store(folder / "images"))
        async with running_gateway(folder, model, binding, images=images) as gateway:
            response = await gateway.generate(headers, **fields)
    assert response.status_code == 200, response.text
    if streams:
        last = response.text.strip().split("\n\n")[-1].split("\ndata: ")[1]
        return dict(json.loads(last))
    return dict(response.json()["data"][0])


@pytest.mark.parametrize("form", SAVED)
async def test_a_response_that_passes_through_holds_only_buffers(
    tmp_path: Path, watched: Watched, form: str
) -> None:
    image = await asked(tmp_path, plain(form))

    assert image["b64_json"] == noise(form)
    assert image["watermark"] == "none"
    assert not watched.is_exceeded
    assert watched.most_reserved == BUFFERS_BYTES < len(noise(form))


@pytest.mark.parametrize("form", SAVED)
async def test_a_response_of_several_images_that_pass_through_holds_only_buffers(
    tmp_path: Path, watched: Watched, form: str
) -> None:
    await asked(tmp_path, plain(form, count=3), per_call=3, n=3)

    assert watched.most_beyond <= BESIDE_BYTES
    assert watched.most_reserved == BUFFERS_BYTES


@pytest.mark.parametrize("form", SAVED)
async def test_images_of_which_the_provider_says_more_reserve_their_memory_before_they_are_read(
    tmp_path: Path, watched: Watched, form: str
) -> None:
    image = await asked(tmp_path, plain(form, count=3, prompt="a fox"), per_call=3, n=3)

    assert image["revised_prompt"] == "a fox"
    assert watched.most_beyond <= BESIDE_BYTES
    assert watched.most_reserved > watched.most_held > 2 * len(noise(form))


@pytest.mark.parametrize("form", SAVED)
async def test_a_response_that_cannot_pass_through_reserves_its_memory_before_it_is_read(
    tmp_path: Path, watched: Watched, form: str
) -> None:
    image = await asked(tmp_path, plain(form, note="x" * PASSED_ON_BYTES))

    assert image["b64_json"] == noise(form)
    assert not watched.is_exceeded
    assert watched.most_reserved > watched.most_held > len(noise(form))


OTHERS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "buffered, two calls": ({}, {"n": 2}),
    "buffered, converted": ({}, {"output_format": "jpeg"}),
    "stored, for a repeat": (KEPT, {}),
    "stored, for a URL": ({}, {"response_format": "url"}),
    "event stream": ({}, {"stream": True, "partial_images": 1}),
}


@pytest.mark.parametrize("form", SAVED)
@pytest.mark.parametrize("name", OTHERS)
async def test_a_response_that_is_read_whole_has_its_memory_reserved(
    tmp_path: Path, watched: Watched, name: str, form: str
) -> None:
    headers, fields = OTHERS[name]
    script = streamed(form) if "stream" in fields else plain(form)

    await asked(tmp_path, *[script] * fields.get("n", 1), headers=headers, **fields)

    assert not watched.is_exceeded
    assert watched.most_reserved > watched.most_held > len(noise(form))
