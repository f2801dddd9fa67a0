"""What is passed on, what is read whole, and what breaks off."""

import asyncio
import base64
import json
import sys
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest
from typing_extensions import override

from tests.gateway.upstream.passthrough.reading import (
    PNG,
    SAMPLES,
    Client,
    passed_through,
    read_whole,
)
from tintype_gateway.dialects.openai import images as openai_images
from tintype_gateway.upstream.passthrough import LOOK_BYTES, PassThrough
from tintype_gateway.values.faults import UpstreamFault
from tintype_testing.builders import plan

CHUNK = 16 * 1024
EVERYWHERE = range(0, 600_000, CHUNK)


def openai(image: str = PNG, **fields: Any) -> bytes:
    return json.dumps({"created": 17, "data": [{"b64_json": image}]} | fields).encode()


@pytest.mark.parametrize("image", SAMPLES)
async def test_a_large_image_is_passed_on(image: str) -> None:
    document, passed = await passed_through(openai(image), cuts=EVERYWHERE)

    assert passed
    assert document["data"][0]["b64_json"] == image


@pytest.mark.parametrize("image", SAMPLES)
async def test_a_data_prefix_is_not_passed_on(image: str) -> None:
    document, passed = await passed_through(
        openai(f"data:image/png;base64,{image}"), cuts=EVERYWHERE
    )

    assert passed
    assert document["data"][0]["b64_json"] == image


async def test_it_is_passed_on_in_the_parts_that_it_comes_in() -> None:
    client = Client()

    await passed_through(openai(), cuts=EVERYWHERE, client=client)

    assert max(map(len, client.pieces)) <= LOOK_BYTES
    assert len(client.pieces) > 2


async def test_only_its_consumer_holds_a_piece() -> None:
    async def arriving() -> AsyncIterator[bytes]:
        for start in EVERYWHERE:
            yield openai()[start : start + CHUNK]

    through = PassThrough(openai_images.FIRST_IMAGE, plan(), read_whole)
    assert await through.open(arriving())
    pieces = through.pieces()

    first = weakref.ref(await anext(pieces))
    assert first() is None
    second = await anext(pieces)
    assert sys.getrefcount(second) == 2  # `second`, and the argument
    await pieces.aclose()


async def test_nothing_more_is_read_while_the_client_takes_nothing() -> None:
    class SlowClient(Client):
        @override
        async def write(self, piece: bytes | memoryview) -> None:
            await takes.wait()
            await super().write(piece)

    async def arriving() -> AsyncIterator[bytes]:
        for start in EVERYWHERE:
            read.append(start)
            yield content[start : start + CHUNK]

    takes, read, content = asyncio.Event(), list[int](), openai()
    through = PassThrough(openai_images.FIRST_IMAGE, plan(), read_whole)
    assert await through.open(arriving())
    taking = asyncio.create_task(SlowClient().take(through.pieces()))
    for _ in range(1000):
        await asyncio.sleep(0)

    assert len(read) * CHUNK <= LOOK_BYTES
    takes.set()
    await taking
    assert len(await through.rest()) < 5000


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("bedrock-amazon", {"images": [PNG], "error": None}),
        ("bedrock-stability", {"seeds": [1], "finish_reasons": [None], "images": [PNG]}),
        ("google-predict", {"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": PNG}]}),
    ],
)
async def test_other_dialects_pass_theirs_on_too(name: str, document: object) -> None:
    _, passed = await passed_through(json.dumps(document).encode(), name, EVERYWHERE)

    assert passed


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("openai-images", {"data": [{"b64_json": PNG.replace("/", "\\/")}]}),
        ("openai-images", {"preview": PNG, "data": [{"b64_json": PNG}]}),
        ("openai-images", {"note": PNG[200:], "data": [{"b64_json": PNG}]}),
        ("openai-images", {"note": "x" * LOOK_BYTES, "data": [{"b64_json": PNG}]}),
        ("bedrock-stability", {"images": [PNG], "finish_reasons": [None]}),
    ],
    ids=["escaped", "elsewhere", "no image", "late", "perhaps refused"],
)
async def test_in_doubt_a_response_is_read_as_a_whole(name: str, document: object) -> None:
    content = json.dumps(document).replace("\\\\/", "\\/").encode()

    result, passed = await passed_through(content, name, EVERYWHERE)

    assert not passed
    assert result["data"][0]["b64_json"] == PNG


async def test_a_small_response_is_read_as_a_whole() -> None:
    small = base64.b64encode(base64.b64decode(PNG)[:9000] + b"\0\0\0\0IEND\xaeB`\x82").decode()

    assert not (await passed_through(openai(small)))[1]


@pytest.mark.parametrize("image", SAMPLES)
async def test_an_image_without_the_promised_signature_passes_too(image: str) -> None:
    signed = plan(of={"watermark": "c2pa"})

    document, passed = await passed_through(openai(image), cuts=EVERYWHERE, bought=signed)

    assert passed
    assert document["data"][0]["watermark"] == "none"


@pytest.mark.parametrize(
    "content",
    [
        openai()[:120_000],
        openai(PNG[:120_000]),
        openai(PNG[:-3]),
        openai(PNG[:100_000] + "-" + PNG[100_001:]),
        openai().replace(PNG[99_000:99_003].encode(), b"\\u0", 1),
        openai() + b"}",
        openai()[:-1],
        openai()[:-1] + b', "data": []}',
    ],
    ids=[
        "cut",
        "not whole",
        "no quanta",
        "other alphabet",
        "escape",
        "garbage",
        "open",
        "replaced",
    ],
)
async def test_an_invalid_response_is_not_completed(content: bytes) -> None:
    client = Client()

    with pytest.raises(UpstreamFault) as caught:
        await passed_through(content, cuts=EVERYWHERE, client=client)

    assert caught.value.kind == "outcome_unknown"
    assert client.pieces


async def test_a_refusal_after_an_image_has_no_end() -> None:
    document = {"finish_reasons": [None], "images": [PNG], "seeds": []}
    content = json.dumps(document).encode()[:-1] + b', "finish_reasons": ["Filter reason: output"]}'

    with pytest.raises(UpstreamFault, match="does not start with its first image"):
        await passed_through(content, "bedrock-stability", EVERYWHERE)
