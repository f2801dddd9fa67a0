"""`output_format` and `output_compression`, with OpenAI's own client, on models of every maker."""

import asyncio
import base64
from typing import Any, Literal

import pytest
from openai import AsyncOpenAI
from openai.types import ImagesResponse
from PIL.Image import Image

from tintype_testing.gateway import Gateway
from tintype_testing.simulators import file_of, opened

NOVA = "amazon.nova-canvas-v1:0"
CORE = "stability.stable-image-core-v1:1"
SD3 = "stability.sd3-5-large-v1:0"
IMAGEN = "imagen-4.0-fast-generate-001"
GEMINI = "gemini-2.5-flash-image"
GPT = "gpt-image-1-mini"

Format = Literal["png", "jpeg", "webp"]


async def response_of(client: AsyncOpenAI, model: str, **fields: Any) -> ImagesResponse:
    request: dict[str, Any] = {"model": model, "prompt": "a red fox", **fields}
    if model == GPT:
        request["quality"] = "low"
    response: ImagesResponse = await client.images.generate(**request)
    return response


def image_of(response: ImagesResponse) -> Image:
    return opened(file_of((response.data or [])[0]))


def weight_of(response: ImagesResponse) -> int:
    return len(file_of((response.data or [])[0]))


def watermark_of(response: ImagesResponse) -> str:
    extra = (response.data or [])[0].model_extra or {}
    return str(extra["watermark"])


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
@pytest.mark.parametrize("model", [NOVA, CORE, SD3, IMAGEN, GEMINI, GPT])
async def test_every_model_gives_every_format(
    client: AsyncOpenAI, model: str, output_format: Format
) -> None:
    response = await response_of(client, model, output_format=output_format)

    image = image_of(response)
    assert image.format == output_format.upper()
    assert response.output_format == output_format
    assert response.size == f"{image.width}x{image.height}"


@pytest.mark.parametrize(
    ("model", "field", "words"),
    [
        (GPT, "output_format", "webp"),
        (SD3, "output_format", "webp"),
        (CORE, "output_format", None),
        (NOVA, "output_format", None),
    ],
)
async def test_a_provider_is_asked_for_a_format_only_where_it_has_it(
    gateway: Gateway, client: AsyncOpenAI, model: str, field: str, words: str | None
) -> None:
    await response_of(client, model, output_format="webp")

    (call,) = await gateway.upstream_calls()
    assert call.get(field) == words


async def test_imagen_makes_jpegs_itself_and_nothing_else(
    gateway: Gateway, client: AsyncOpenAI
) -> None:
    for form in ("jpeg", "webp"):
        await response_of(client, IMAGEN, output_format=form, output_compression=60)

    native, other = [call["parameters"] for call in await gateway.upstream_calls()]
    assert native["outputOptions"] == {"mimeType": "image/jpeg", "compressionQuality": 60}
    assert "outputOptions" not in other


@pytest.mark.parametrize("model", [NOVA, CORE, GPT])
async def test_a_lower_percentage_makes_a_smaller_file(client: AsyncOpenAI, model: str) -> None:
    full, half, none = [
        await response_of(client, model, output_format="jpeg", output_compression=percent)
        for percent in (100, 50, 0)
    ]

    assert weight_of(full) > weight_of(half) > weight_of(none)


async def test_compression_of_a_png_is_stripped_and_listed(client: AsyncOpenAI) -> None:
    raw = await client.images.with_raw_response.generate(
        model=NOVA, prompt="a red fox", output_format="png", output_compression=50
    )

    assert raw.headers["Tintype-Adjusted"] == "output_compression=stripped"
    assert image_of(raw.parse()).format == "PNG"


async def test_a_conversion_is_no_adjustment_even_where_none_is_allowed(
    client: AsyncOpenAI,
) -> None:
    raw = await client.images.with_raw_response.generate(
        model=NOVA,
        prompt="a red fox",
        output_format="webp",
        output_compression=50,
        extra_headers={"Prefer": "handling=strict"},
    )

    assert "Tintype-Adjusted" not in raw.headers


async def test_the_watermark_is_that_of_the_bytes_that_are_delivered(client: AsyncOpenAI) -> None:
    watermarks = {
        (model, form): watermark_of(await response_of(client, model, output_format=form))
        for model, form in [(GPT, "webp"), (NOVA, "png"), (NOVA, "jpeg"), (IMAGEN, "webp")]
    }

    assert watermarks == {
        (GPT, "webp"): "c2pa",  # made by OpenAI itself
        (NOVA, "png"): "provenance",
        (NOVA, "jpeg"): "provenance",  # it is in the pixels
        (IMAGEN, "webp"): "synthid",
    }


async def test_a_stream_has_converted_images(client: AsyncOpenAI) -> None:
    stream = await client.images.generate(
        model=NOVA, prompt="a red fox", output_format="webp", stream=True
    )

    (event,) = [event async for event in stream]
    assert event.output_format == "webp"
    assert opened(base64.b64decode(event.b64_json)).format == "WEBP"


async def test_all_images_of_a_request_are_converted(client: AsyncOpenAI) -> None:
    response = await response_of(client, NOVA, output_format="webp", n=3)

    assert [opened(file_of(image)).format for image in response.data or ()] == ["WEBP"] * 3


async def test_an_image_to_convert_that_breaks_off_is_a_503_and_not_charged(
    gateway: Gateway,
) -> None:
    before = (await gateway.account()).balance
    await gateway.script({"damage": "truncated_base64"})
    response = await gateway.generate(model=NOVA, output_format="jpeg")

    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (503, "outcome_unknown")
    assert response.headers["x-should-retry"] == "false"
    assert (await gateway.account()).balance == before


async def test_while_images_are_converted_others_are_served(gateway: Gateway) -> None:
    slow = [
        asyncio.create_task(gateway.generate(model=NOVA, output_format="webp")) for _ in range(4)
    ]
    async with gateway.http() as http:
        assert (await http.get("/v1/models")).status_code == 200

    assert [response.status_code for response in await asyncio.gather(*slow)] == [200] * 4
