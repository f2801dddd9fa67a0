"""Bedrock's models through the whole gateway: signed for real, painted, counted and paid."""

from decimal import Decimal
from typing import Any

import pytest
from openai import APIStatusError, AsyncOpenAI, BadRequestError, InternalServerError
from openai.types import ImagesResponse

from tintype_testing.gateway import Gateway
from tintype_testing.simulators import file_of, opened, requests_received

NOVA = "amazon.nova-canvas-v1:0"
TITAN = "amazon.titan-image-generator-v2:0"
CORE = "stability.stable-image-core-v1:1"

MICRO_CREDITS_PER_USD = 16_000_000

PRICES = {
    (TITAN, "512x512", "standard"): "0.008",
    (TITAN, "512x512", "premium"): "0.010",
    (TITAN, "1024x1024", "standard"): "0.010",
    (TITAN, "1024x1024", "premium"): "0.014",
    (NOVA, "1024x1024", "standard"): "0.040",
    (NOVA, "1024x1024", "premium"): "0.060",
    (NOVA, "2048x2048", "standard"): "0.060",
    (NOVA, "2048x2048", "premium"): "0.080",
    ("stability.stable-image-core-v1:0", "1024x1024", None): "0.030",
    (CORE, "1024x1024", None): "0.04",
    ("stability.stable-image-ultra-v1:0", "1024x1024", None): "0.080",
    ("stability.stable-image-ultra-v1:1", "1024x1024", None): "0.14",
    ("stability.sd3-5-large-v1:0", "1024x1024", None): "0.065",
}


async def asked(client: AsyncOpenAI, model: str, **fields: object) -> ImagesResponse:
    """Return the response to a request, by default for a red fox."""
    body = {"prompt": "a red fox"} | fields
    return await client.images.generate(model=model, prompt="", extra_body=body)


async def generated(client: AsyncOpenAI, model: str, **fields: object) -> dict[str, Any]:
    """Return the whole response to a request as JSON."""
    return (await asked(client, model, **fields)).to_dict()


async def sizes(client: AsyncOpenAI, model: str, **fields: object) -> list[tuple[int, int]]:
    """Return the sizes of the images that a request gets."""
    images = (await asked(client, model, **fields)).data or []
    return [opened(file_of(image)).size for image in images]


@pytest.mark.parametrize(("model", "size", "quality"), PRICES)
async def test_every_row_makes_its_image_at_its_price(
    client: AsyncOpenAI, model: str, size: str, quality: str | None
) -> None:
    response = await generated(client, model, size=size, quality=quality)

    usd = Decimal(PRICES[model, size, quality])
    assert response["size"] == size
    assert response["usage"]["images"] == 1
    assert response["usage"]["credits_used"] == int(usd * MICRO_CREDITS_PER_USD)
    assert response["created"] == 0


@pytest.mark.parametrize(
    ("model", "wished", "painted"),
    [
        (TITAN, "1024x576", (1152, 640)),
        (TITAN, "700x1280", (768, 1408)),
        (NOVA, "1000x600", (1008, 608)),
        (NOVA, "8000x1000", (4096, 1024)),
        (CORE, "1920x1080", (1344, 768)),
        (CORE, "auto", (1024, 1024)),
    ],
)
async def test_a_size_becomes_the_nearest_one_that_the_model_has(
    client: AsyncOpenAI, model: str, wished: str, painted: tuple[int, int]
) -> None:
    assert await sizes(client, model, size=wished) == [painted]


async def test_amazons_models_make_five_images_a_call_and_stabilitys_one(
    gateway: Gateway, client: AsyncOpenAI
) -> None:
    assert await sizes(client, NOVA, n=7, size="320x320") == [(320, 320)] * 7
    assert len(await sizes(client, CORE, n=2)) == 2

    bodies = await gateway.upstream_calls()
    config = [call["imageGenerationConfig"]["numberOfImages"] for call in bodies[:2]]
    assert config == [5, 2]
    assert len(bodies) == 4


@pytest.mark.parametrize("fields", [{}, {"seed": 7}])
@pytest.mark.parametrize("model", [NOVA, TITAN])
async def test_no_image_comes_twice_though_the_provider_repeats_its_seed_in_every_call(
    client: AsyncOpenAI, model: str, fields: dict[str, int]
) -> None:
    images = (await asked(client, model, n=7, size="384x576", **fields)).data or []

    assert len({file_of(image) for image in images}) == 7


async def test_provider_parameters_reach_the_provider_beside_standard_ones(
    gateway: Gateway, client: AsyncOpenAI
) -> None:
    await generated(
        client,
        NOVA,
        seed=7,
        quality="high",
        textToImageParams={"negativeText": "snow", "style": "DESIGN_SKETCH"},
        imageGenerationConfig={"cfgScale": 9.5, "width": 640, "height": 320},
    )

    assert await gateway.upstream_calls() == [
        {
            "taskType": "TEXT_IMAGE",
            "textToImageParams": {
                "text": "a red fox",
                "negativeText": "snow",
                "style": "DESIGN_SKETCH",
            },
            "imageGenerationConfig": {
                "numberOfImages": 1,
                "width": 640,
                "height": 320,
                "quality": "premium",
                "cfgScale": 9.5,
                "seed": 7,
            },
        }
    ]


@pytest.mark.parametrize(
    "parameter",
    [
        {"taskType": "INPAINTING"},
        {"imageGenerationConfig": {"numberOfImages": 5}},
        {"textToImageParams": {"text": "something else"}},
    ],
)
async def test_a_provider_parameter_that_the_gateway_sets_is_refused(
    client: AsyncOpenAI, parameter: dict[str, Any]
) -> None:
    with pytest.raises(APIStatusError) as raised:
        await generated(client, NOVA, **parameter)

    assert raised.value.status_code in (400, 422)


async def test_stability_tells_the_seed_and_takes_an_aspect_ratio_of_its_own(
    client: AsyncOpenAI,
) -> None:
    response = await generated(client, CORE, seed=7, aspect_ratio="9:21")

    assert response["data"][0]["seed"] == 7
    assert response["size"] == "640x1536"


@pytest.mark.parametrize(
    ("model", "watermark"), [(NOVA, "provenance"), (TITAN, "provenance"), (CORE, "none")]
)
async def test_an_image_carries_the_watermark_of_its_maker(
    client: AsyncOpenAI, model: str, watermark: str
) -> None:
    response = await generated(client, model)

    assert response["data"][0]["watermark"] == watermark


@pytest.mark.parametrize(
    ("model", "prompt"), [(NOVA, "a flagged fox"), (CORE, "a forbidden fox"), (CORE, "flagged")]
)
async def test_images_refused_by_a_successful_response_are_flagged_and_free(
    client: AsyncOpenAI, model: str, prompt: str
) -> None:
    response = await generated(client, model, prompt=prompt)

    assert [entry["flagged"] for entry in response["data"]] == [True]
    assert response["usage"]["images"] == 0
    assert response["usage"]["credits_used"] == 0


async def test_the_images_beside_refused_ones_are_delivered_and_charged(
    client: AsyncOpenAI,
) -> None:
    response = await generated(client, NOVA, prompt="a half-flagged fox", n=5)

    assert [entry["flagged"] for entry in response["data"]] == [False, False, True, True, True]
    assert response["usage"]["credits_used"] == 2 * 640_000


async def test_a_prompt_that_amazon_refuses_is_the_clients_to_mend(client: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError, match="blocked by our content filters") as raised:
        await generated(client, NOVA, prompt="a forbidden fox")

    assert raised.value.code == "moderation_blocked"


async def test_a_throttled_call_says_when_to_try_again(
    gateway: Gateway, client: AsyncOpenAI
) -> None:
    headers = {"x-amz-retry-after": "15500"}
    await gateway.script({"error": "bedrock/ThrottlingException", "headers": headers})

    with pytest.raises(InternalServerError) as raised:
        await generated(client, CORE)

    assert (raised.value.status_code, raised.value.code) == (503, "provider_throttled")
    assert raised.value.response.headers["retry-after"] == "16"
    assert raised.value.response.headers["x-should-retry"] == "true"


async def test_the_simulators_log_shows_no_credentials(
    gateway: Gateway, client: AsyncOpenAI
) -> None:
    await generated(client, CORE)

    (received,) = await requests_received(gateway.simulator)
    headers = received["headers"]
    assert isinstance(headers, dict)
    assert "x-amz-date" in headers
    assert not {"authorization", "x-amz-security-token"} & set(headers)
