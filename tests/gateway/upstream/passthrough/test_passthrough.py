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
    parts,
    passed_through,
    read_whole,
)
from tintype_gateway.dialects.openai import images as openai_images
from tintype_gateway.upstream.passthrough import LOOK_BYTES, PassThrough
from tintype_gateway.values.faults import UpstreamFault
from tintype_testing.builders import plan

CHUNK = 16 * 1024
EVERYWHERE = range(0, 900_000, CHUNK)

SMALL = base64.b64encode(base64.b64decode(PNG)[:9000] + b"\0\0\0\0IEND\xaeB`\x82").decode()


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
        ("openai-images", {"data": [{"b64_json": image} for image in SAMPLES]}),
        (
            "openai-images",
            {"data": [{"b64_json": each, "url": None, "revised_prompt": None} for each in SAMPLES]},
        ),
        ("bedrock-amazon", {"images": SAMPLES}),
        (
            "google-predict",
            {"predictions": [{"bytesBase64Encoded": image} for image in SAMPLES]},
        ),
        (
            "google-predict",
            {
                "predictions": [
                    {"mimeType": "image/png", "bytesBase64Encoded": image} for image in SAMPLES
                ]
            },
        ),
    ],
)
async def test_all_images_of_a_response_are_passed_on(name: str, document: object) -> None:
    content = json.dumps(document).encode()

    result, passed = await passed_through(content, name, EVERYWHERE)

    assert passed == len(SAMPLES)
    assert [entry["b64_json"] for entry in result["data"]] == list(SAMPLES)


async def test_of_several_images_only_pieces_are_held() -> None:
    client = Client()
    content = json.dumps({"data": [{"b64_json": image} for image in SAMPLES]}).encode()

    await passed_through(content, cuts=EVERYWHERE, client=client)

    assert max(map(len, client.pieces)) < LOOK_BYTES + CHUNK


async def test_small_images_that_come_at_once_behind_a_large_one_are_passed_on() -> None:
    images = [PNG, SMALL, SMALL]
    content = json.dumps({"data": [{"b64_json": image} for image in images]}).encode()

    result, passed = await passed_through(content, cuts=[LOOK_BYTES])

    assert passed == 3
    assert [entry["b64_json"] for entry in result["data"]] == images


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"revised_prompt": "a fox", "b64_json": PNG}, {"b64_json": PNG}),
        ({"b64_json": PNG, "revised_prompt": "a fox"}, {"b64_json": PNG}),
        ({"b64_json": PNG}, {"revised_prompt": "a fox", "b64_json": PNG}),
        ({"b64_json": PNG}, {"b64_json": "bm90aGluZw"}),
        ({"b64_json": PNG}, {"url": PNG}),
    ],
)
async def test_images_from_the_first_doubt_on_are_read_as_a_whole(
    first: dict[str, str], second: dict[str, str]
) -> None:
    content = json.dumps({"data": [first, second]}).encode()
    through = PassThrough(openai_images.FIRST_IMAGE, plan(), read_whole, openai_images.NEXT_IMAGE)

    assert await through.open(parts(content, EVERYWHERE))
    await Client().take(through.pieces())

    assert await through.next() is None
    assert next(iter(second.values())).encode() in await through.rest()


async def test_more_images_than_were_asked_for_reserve_no_memory_and_release_none() -> None:
    images, reserved = [PNG, PNG], list[int]()

    async def fall_back(images: int) -> None:
        reserved.append(images)

    content = json.dumps({"data": [{"b64_json": each} for each in images]}).encode()
    padded = content + b" " * (2 * LOOK_BYTES)
    through = PassThrough(openai_images.FIRST_IMAGE, plan(), fall_back, openai_images.NEXT_IMAGE)
    header = await through.open(parts(padded, EVERYWHERE))
    while header:
        await Client().take(through.pieces())
        header = await through.next()
    await through.rest()

    assert (len(through.passed), reserved) == (2, [])


async def test_a_later_image_that_breaks_off_is_a_fault() -> None:
    content = json.dumps({"data": [{"b64_json": PNG}, {"b64_json": PNG}]}).encode()

    with pytest.raises(UpstreamFault) as caught:
        await passed_through(content[:-9000], cuts=EVERYWHERE)

    assert caught.value.kind == "outcome_unknown"


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
    assert not (await passed_through(openai(SMALL)))[1]


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

    with pytest.raises(UpstreamFault, match="does not start with the images that were passed on"):
        await passed_through(content, "bedrock-stability", EVERYWHERE)
