"""Responses as they arrive, read whole and with their images passed through."""

import base64
import io
import itertools
import json
import random
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image

from tintype_gateway.dialects.registry import get_dialect
from tintype_gateway.observability.request_meter import RequestMeter
from tintype_gateway.pipeline.json_serializer import OPENING, respond
from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.upstream.finish import inspect
from tintype_gateway.upstream.passthrough import PassThrough
from tintype_gateway.values.images import PassedThrough
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.upstream import PlannedCall
from tintype_testing.builders import RECEIPT, plan, settlement, upstream_response

EDGE = 200
"""Of noise, so that no format makes an image of it smaller than what is looked at first."""


def noisy(form: str, seed: int = 1, **options: Any) -> str:
    """Return an image of noise in base64."""
    pixels = random.Random(seed).randbytes(3 * EDGE * EDGE)  # noqa: S311 - no secret
    file = io.BytesIO()
    Image.frombytes("RGB", (EDGE, EDGE), pixels).save(file, form, **options)
    return base64.b64encode(file.getvalue()).decode()


PNG = noisy("png")
SAMPLES = (
    PNG,
    noisy("png", 2),
    noisy("jpeg", quality=100, subsampling=0),
    noisy("webp", lossless=True),
)


TOOLS = ImageTools()


@dataclass
class Client:
    """What one client has been sent of an image."""

    pieces: list[bytes | memoryview] = field(default_factory=list)

    async def take(self, pieces: AsyncIterator[bytes | memoryview]) -> None:
        async for piece in pieces:
            await self.write(piece)

    async def write(self, piece: bytes | memoryview) -> None:
        self.pieces.append(piece)


async def passed_through(
    content: bytes,
    name: str = "openai-images",
    cuts: Sequence[int] = (),
    bought: Plan | None = None,
    client: Client | None = None,
) -> tuple[Any, int]:
    """Return our document of a response that arrives in parts, and how many images passed."""
    client = client or Client()
    bought = bought or plan()
    pattern = get_dialect(name).FIRST_IMAGE or re.compile(b"^never^")
    ends: list[int] = []
    with RequestMeter():
        following = getattr(get_dialect(name), "NEXT_IMAGE", None)
        through = PassThrough(pattern, bought, read_whole, following)
        header = await through.open(parts(content, cuts))
        while header:
            await client.take(through.pieces())
            ends.append(len(client.pieces))
            header = await through.next()
        text = await through.rest()
    rest = await _pieces(text, name, bought, through.passed)
    if not through.passed:
        assert client.pieces == []
        return json.loads(b"".join(rest)), 0
    assert rest[0] == OPENING
    images = [client.pieces[start:end] for start, end in itertools.pairwise([0, *ends])]
    sent = [part for text, image in zip(rest[::2], images, strict=False) for part in (text, *image)]
    return json.loads(b"".join([*sent, *rest[2 * len(images) :]])), len(images)


async def read_whole(images: int) -> None:
    """Have all the memory that is needed."""


async def whole(content: bytes, name: str = "openai-images", bought: Plan | None = None) -> Any:
    """Return our document of a response that is read whole."""
    return json.loads(b"".join(await _pieces(content, name, bought or plan(), ())))


async def _pieces(
    text: bytes, name: str, bought: Plan, passed: Sequence[PassedThrough]
) -> tuple[bytes | memoryview, ...]:
    result = get_dialect(name).interpret(replace(upstream_response({}), body=text))
    planned = PlannedCall(0, 1, bought.job)
    call = await inspect(planned, bought.route, result, bought, TOOLS, passed)
    return respond(bought, [call], (), settlement(), RECEIPT).pieces


async def parts(content: bytes, cuts: Sequence[int]) -> AsyncIterator[bytes]:
    """Yield a response in parts that end at these places."""
    ends = sorted({min(cut, len(content)) for cut in cuts} | {len(content)})
    start = 0
    for end in ends:
        yield content[start:end]
        start = end
