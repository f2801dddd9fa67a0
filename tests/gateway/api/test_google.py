"""Google's models through the whole gateway: painted, counted and paid."""

from decimal import Decimal
from typing import Any

import pytest
from openai import APIStatusError, AsyncOpenAI

from tintype_testing.gateway import Gateway
from tintype_testing.simulators import file_of, opened

FAST, STANDARD = "imagen-4.0-fast-generate-001", "imagen-4.0-generate-001"
OLDER, FLASH, PRO = "gemini-2.5-flash-image", "gemini-3.1-flash-image", "gemini-3-pro-image"
LITE = "gemini-3.1-flash-lite-image"

MICRO_CREDITS_PER_USD = 16_000_000

PER_IMAGE = {FAST: "0.020", STANDARD: "0.040", "imagen-4.0-ultra-generate-001": "0.060"}

PER_TOKEN = [
    # model, size, prices of text in, image out and text out, and the image's tokens
    (OLDER, "1344x768", "0.30", "30", "2.50", 1290),
    (FLASH, "512x512", "0.50", "60", "3.00", 747),
    (FLASH, "1376x768", "0.50", "60", "3.00", 1120),
    (FLASH, "2048x2048", "0.50", "60", "3.00", 1680),
    (PRO, "2048x2048", "2.00", "120", "12.00", 1120),
    (PRO, "4096x4096", "2.00", "120", "12.00", 2000),
    (LITE, "1024x1024", "0.25", "30", "1.50", 1120),
]


async def generated(client: AsyncOpenAI, model: str, **fields: object) -> dict[str, Any]:
    """Return the whole response to a request, by default for a red fox."""
    body = {"prompt": "a red fox"} | fields
    response = await client.images.generate(model=model, prompt="", extra_body=body)
    for image in response.data or []:
        if image.b64_json:
            assert "x".join(map(str, opened(file_of(image)).size)) == response.size
    return response.to_dict()


async def sent(gateway: Gateway) -> list[dict[str, Any]]:
    """Return the configuration or the parameters of every call that the simulator received."""
    calls = await gateway.upstream_calls()
    return [call.get("generationConfig") or call["parameters"] for call in calls]


@pytest.mark.parametrize("model", PER_IMAGE)
async def test_imagen_makes_its_image_at_its_price(client: AsyncOpenAI, model: str) -> None:
    response = await generated(client, model)

    usd = Decimal(PER_IMAGE[model])
    assert response["size"] == "1024x1024"
    assert response["data"][0]["watermark"] == "synthid"
    assert response["created"] == 0
    assert response["usage"]["total_tokens"] is None
    assert response["usage"]["megapixels"] == 1.048576
    assert response["usage"]["credits_used"] == int(usd * MICRO_CREDITS_PER_USD)


@pytest.mark.parametrize(("model", "size", "text_in", "image", "text_out", "tokens"), PER_TOKEN)
async def test_gemini_makes_its_image_at_the_price_of_its_tokens(
    client: AsyncOpenAI,
    model: str,
    size: str,
    text_in: str,
    image: str,
    text_out: str,
    tokens: int,
) -> None:
    response = await generated(client, model, size=size)

    other = 10 if model == OLDER else 10 + 180  # the caption, and the thoughts of newer models
    prices = [Decimal(price) / 1_000_000 for price in (text_in, image, text_out)]
    usd = 2 * prices[0] + tokens * prices[1] + other * prices[2]
    assert response["size"] == size
    assert response["usage"]["input_tokens"] == 2
    assert response["usage"]["output_tokens"] == tokens + other
    assert response["usage"]["credits_used"] == round(usd * MICRO_CREDITS_PER_USD)
    assert response["data"][0]["watermark"] == "synthid"


async def test_gemini_tells_how_it_understood_the_prompt(client: AsyncOpenAI) -> None:
    response = await generated(client, OLDER)

    revised = response["data"][0]["revised_prompt"]
    assert revised == "Here is the image you asked for: a red fox"


async def test_imagen_makes_four_images_a_call(gateway: Gateway, client: AsyncOpenAI) -> None:
    response = await generated(client, FAST, n=6)

    assert response["usage"]["images"] == 6
    assert [call["sampleCount"] for call in await sent(gateway)] == [4, 2]


async def test_gemini_makes_one_image_a_call(gateway: Gateway, client: AsyncOpenAI) -> None:
    response = await generated(client, FLASH, n=3, size="512x512")

    assert response["usage"]["images"] == 3
    assert len(await sent(gateway)) == 3


@pytest.mark.parametrize(
    ("model", "wished", "painted"),
    [
        (FAST, "1920x1080", "1408x768"),
        (STANDARD, "2000x2000", "2048x2048"),
        (OLDER, "1792x1024", "1344x768"),
        (LITE, "1024x1792", "768x1376"),
        (PRO, "auto", "1024x1024"),
    ],
)
async def test_a_size_becomes_the_nearest_one_that_the_model_has(
    client: AsyncOpenAI, model: str, wished: str, painted: str
) -> None:
    assert (await generated(client, model, size=wished))["size"] == painted


@pytest.mark.parametrize(
    ("model", "fields", "painted"),
    [
        (STANDARD, {"aspectRatio": "9:16", "sampleImageSize": "2K"}, "1536x2816"),
        (FAST, {"aspectRatio": "3:4"}, "896x1280"),
        (FLASH, {"imageConfig": {"aspectRatio": "21:9", "imageSize": "512"}}, "792x336"),
        (OLDER, {"imageConfig": {"aspectRatio": "4:5"}}, "896x1152"),
    ],
)
async def test_googles_own_fields_name_the_size_as_well(
    client: AsyncOpenAI, model: str, fields: dict[str, Any], painted: str
) -> None:
    assert (await generated(client, model, **fields))["size"] == painted


async def test_other_provider_parameters_arrive(gateway: Gateway, client: AsyncOpenAI) -> None:
    await generated(client, FAST, personGeneration="dont_allow", language="en")
    await generated(client, FLASH, temperature=0.5, seed=7, size="512x512")

    imagen, gemini = await sent(gateway)
    assert (imagen["personGeneration"], imagen["language"]) == ("dont_allow", "en")
    assert (gemini["temperature"], gemini["seed"]) == (0.5, 7)
    assert gemini["maxOutputTokens"] == 747 + 4096


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (STANDARD, {"sampleCount": 4}),
        (STANDARD, {"addWatermark": False}),
        (STANDARD, {"storageUri": "gs://bucket"}),
        (FAST, {"sampleImageSize": "2K"}),
        (FLASH, {"candidateCount": 2}),
        (FLASH, {"imageConfig": {"personGeneration": "ALLOW_ALL"}}),
        (OLDER, {"imageConfig": {"imageSize": "1K"}}),
    ],
    ids=str,
)
async def test_fields_that_clients_may_not_set_are_refused_by_name(
    gateway: Gateway, client: AsyncOpenAI, model: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(APIStatusError, match=next(iter(fields))) as refused:
        await generated(client, model, **fields)

    assert refused.value.status_code in (400, 422)
    assert await gateway.upstream_calls() == []
