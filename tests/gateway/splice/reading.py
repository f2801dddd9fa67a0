"""Answers as they arrive, read whole and read through a splice."""

import base64
import io
import json
import random
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image

from tests.gateway.builders import RECEIPT, answer, plan, settlement
from tintype_gateway.dialects.registry import dialect
from tintype_gateway.images.tools import ImageTools
from tintype_gateway.pipeline.json_serializer import respond
from tintype_gateway.pipeline.stages.finish import inspect
from tintype_gateway.splice.splice import OPENING, Splice
from tintype_gateway.values import PassedOn, Plan, PlannedCall

EDGE = 200
"""Of noise, so that no format makes a picture of it smaller than what is looked at first."""


def noisy(form: str, seed: int = 1, **options: Any) -> str:
    """Return a picture of noise in base64."""
    pixels = random.Random(seed).randbytes(3 * EDGE * EDGE)  # noqa: S311 - no secret
    file = io.BytesIO()
    Image.frombytes("RGB", (EDGE, EDGE), pixels).save(file, form, **options)
    return base64.b64encode(file.getvalue()).decode()


PNG = noisy("png")
PICTURES = (
    PNG,
    noisy("png", 2),
    noisy("jpeg", quality=100, subsampling=0),
    noisy("webp", lossless=True),
)


@dataclass
class Client:
    """What one client has been sent."""

    headers: Mapping[str, str] | None = None
    pieces: list[bytes] = field(default_factory=list)

    async def begin(self, headers: Mapping[str, str]) -> None:
        self.headers = headers

    async def write(self, piece: bytes | memoryview) -> None:
        self.pieces.append(bytes(piece))


TOOLS = ImageTools()


async def spliced(
    content: bytes,
    name: str = "openai-images",
    cuts: Sequence[int] = (),
    bought: Plan | None = None,
    client: Client | None = None,
) -> tuple[Any, bool]:
    """Return our document of an answer that arrives in parts, and whether it was spliced."""
    client = client or Client()
    bought = bought or plan()
    pattern = dialect(name).FIRST_PICTURE or re.compile(b"^never^")
    splice = Splice(pattern, bought, {}, client)
    text = await splice.read(_parts(content, cuts))
    rest = await _pieces(text, name, bought, splice.passed)
    if splice.passed is None:
        assert client.pieces == []
        return json.loads(b"".join(rest)), False
    assert rest[0] == OPENING
    return json.loads(b"".join([*client.pieces, *rest[2:]])), True


async def whole(content: bytes, name: str = "openai-images", bought: Plan | None = None) -> Any:
    """Return our document of an answer that is read whole."""
    return json.loads(b"".join(await _pieces(content, name, bought or plan(), None)))


async def _pieces(
    text: bytes, name: str, bought: Plan, passed: PassedOn | None
) -> tuple[bytes | memoryview, ...]:
    generation = dialect(name).interpret(replace(answer({}), body=text))
    planned = PlannedCall(0, 1, bought.job)
    call = await inspect(planned, bought.route, generation, bought, TOOLS, passed)
    return respond(bought, [call], (), settlement(), RECEIPT).pieces


async def _parts(content: bytes, cuts: Sequence[int]) -> AsyncIterator[bytes]:
    ends = sorted({min(cut, len(content)) for cut in cuts} | {len(content)})
    start = 0
    for end in ends:
        yield content[start:end]
        start = end
