"""Every row of the starter catalog, generated once through OpenAI's own client."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from tintype_testing.gateway import Gateway, canvas, running_gateway
from tintype_testing.manifests import changed
from tintype_testing.simulators import file_of, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACTIVE = [
    *("gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2"),
    *("gpt-image-2.5-flare", "gpt-image-2.5-sunburst"),
    *("gpt-image-2.6-flare", "gpt-image-2.6-sunburst"),
    *("amazon.titan-image-generator-v2:0", "amazon.nova-canvas-v1:0"),
    *("stability.stable-image-core-v1:0", "stability.stable-image-core-v1:1"),
    *("stability.stable-image-ultra-v1:0", "stability.stable-image-ultra-v1:1"),
    "stability.sd3-5-large-v1:0",
    *("imagen-4.0-fast-generate-001", "imagen-4.0-generate-001"),
    "imagen-4.0-ultra-generate-001",
    *("gemini-2.5-flash-image", "gemini-3.1-flash-image", "gemini-3-pro-image"),
    "gemini-3.1-flash-lite-image",
]


class Family(NamedTuple):
    """What the responses of a family of models have in common."""

    provider: str
    watermark: str
    has_tokens: bool
    has_own_time: bool
    rewrites: bool
    tells_seed: bool


FAMILIES = {
    "gpt-": Family("openai", "c2pa", True, True, False, False),
    "amazon.": Family("bedrock", "provenance", False, False, False, False),
    "stability.": Family("bedrock", "none", False, False, False, True),
    "imagen-": Family("gemini", "synthid", False, False, False, False),
    "gemini-": Family("gemini", "synthid", True, False, True, False),
}
"""The tables of constraints and of watermarks, a row for each family."""

PRICES = {
    "amazon.titan-image-generator-v2:0": 160_000,
    "amazon.nova-canvas-v1:0": 640_000,
    "stability.stable-image-core-v1:0": 480_000,
    "stability.stable-image-core-v1:1": 640_000,
    "stability.stable-image-ultra-v1:0": 1_280_000,
    "stability.stable-image-ultra-v1:1": 2_240_000,
    "stability.sd3-5-large-v1:0": 1_040_000,
    "imagen-4.0-fast-generate-001": 320_000,
    "imagen-4.0-generate-001": 640_000,
    "imagen-4.0-ultra-generate-001": 960_000,
}
"""What a square of a megapixel costs at one price an image, in micro-credits."""


def family_of(model: str) -> Family:
    return next(family for prefix, family in FAMILIES.items() if model.startswith(prefix))


@pytest_asyncio.fixture(loop_scope="module")
async def gateway(shared_gateway: Gateway) -> Gateway:
    await shared_gateway.forget_calls()
    return shared_gateway


@pytest_asyncio.fixture(loop_scope="module")
async def client(gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with gateway.openai() as client:
        yield client


async def generated(client: AsyncOpenAI, model: str, **fields: Any) -> dict[str, Any]:
    response = await client.images.generate(model=model, prompt="a red fox", **fields)
    body: dict[str, Any] = response.model_dump()
    return body


@pytest.mark.parametrize("model", ACTIVE)
async def test_a_model_makes_a_square_image_by_default(client: AsyncOpenAI, model: str) -> None:
    response = await client.images.generate(model=model, prompt="a red fox")

    assert response.data is not None
    (image,) = (opened(file_of(image)) for image in response.data)
    assert image.width == image.height
    assert response.size == f"{image.width}x{image.height}"


@pytest.mark.parametrize("model", ACTIVE)
async def test_a_response_has_the_fields_that_its_family_reports(
    client: AsyncOpenAI, model: str
) -> None:
    family = family_of(model)

    response = await generated(client, model)

    (image,) = response["data"]
    assert image["watermark"] == family.watermark
    assert image["flagged"] is False
    assert (image["revised_prompt"] is not None) == family.rewrites
    assert (image["seed"] is not None) == family.tells_seed
    assert (response["created"] > 0) == family.has_own_time
    assert (response["usage"]["total_tokens"] is not None) == family.has_tokens
    assert (response["usage"]["megapixels"] is None) == family.has_tokens


@pytest.mark.parametrize(("model", "cost"), PRICES.items())
async def test_a_price_for_each_image_is_that_of_the_list(
    client: AsyncOpenAI, model: str, cost: int
) -> None:
    response = await generated(client, model)

    assert response["usage"]["credits_used"] == cost


@pytest.mark.parametrize("model", ACTIVE)
async def test_a_model_is_served_by_its_provider_and_by_no_other(
    gateway: Gateway, model: str
) -> None:
    provider = family_of(model).provider
    other = "openai" if provider != "openai" else "bedrock"

    served = await gateway.generate({"X-Quantized-Provider": provider}, model=model)
    prefixed = await gateway.generate(model=f"{provider}/{model}")
    refused = await gateway.generate({"X-Quantized-Provider": other}, model=model)

    assert served.headers["Tintype-Route"].startswith(f"{provider}/")
    assert prefixed.json()["model"] == f"{provider}/{model}"
    assert refused.json()["error"]["code"] == "provider_not_available"


@pytest.mark.parametrize("model", ACTIVE)
async def test_a_landscape_stays_a_landscape(client: AsyncOpenAI, model: str) -> None:
    response = await generated(client, model, size="1600x900")

    width, height = (int(edge) for edge in response["size"].split("x"))
    assert width > height


@pytest.mark.parametrize(
    ("model", "word", "reason"),
    [
        ("amazon.titan-image-generator-v2:0", "flagged", "blocked by our content filters"),
        ("amazon.nova-canvas-v1:0", "flagged", "blocked by our content filters"),
        ("stability.stable-image-core-v1:1", "forbidden", "Filter reason: prompt"),
        ("imagen-4.0-generate-001", "flagged", "Responsible AI practices. Support codes: 29310472"),
        ("gemini-3.1-flash-image", "forbidden", "PROHIBITED_CONTENT"),
        ("gemini-3.1-flash-image", "flagged", "IMAGE_SAFETY: Unable to show the generated image."),
        ("gemini-3.1-flash-image", "declined", "I would rather not paint that."),
    ],
)
async def test_content_refused_by_the_provider_is_flagged_with_its_reason_and_free(
    gateway: Gateway, model: str, word: str, reason: str
) -> None:
    before = await gateway.account()

    response = await gateway.generate(model=model, prompt=f"a {word} fox")

    body = response.json()
    assert response.status_code == 200
    (image,) = body["data"]
    assert image["flagged"] is True
    assert reason in image["flag_reason"]
    assert await streamed_reasons(gateway, model, f"a {word} fox") == [image["flag_reason"]]
    assert body["usage"]["images"] == 0
    assert body["usage"]["credits_used"] == 0
    assert await gateway.account() == before


async def streamed_reasons(gateway: Gateway, model: str, prompt: str) -> list[object]:
    """Return the reasons in the events of a stream."""
    response = await gateway.generate(model=model, prompt=prompt, stream=True)
    lines = [line for line in response.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: "))["flag_reason"] for line in lines]


@pytest.mark.parametrize("model", ["amazon.nova-canvas-v1:0", "imagen-4.0-generate-001"])
async def test_images_that_were_refused_in_part_are_flagged_and_the_others_charged(
    gateway: Gateway, model: str
) -> None:
    response = await gateway.generate(model=model, prompt="a half-flagged fox", n=4)

    body = response.json()
    delivered = [image for image in body["data"] if not image["flagged"]]
    assert 0 < len(delivered) < len(body["data"]) == 4
    assert body["usage"]["images"] == len(delivered)
    assert body["usage"]["credits_used"] == len(delivered) * PRICES[model]


@pytest.mark.parametrize(
    "model",
    [
        "imagen-4.0-fast-generate-001",
        "amazon.nova-canvas-v1:0",
        "stability.stable-image-core-v1:1",
        "gemini-2.5-flash-image",
    ],
)
async def test_no_two_images_of_a_request_are_alike_in_however_many_calls(
    gateway: Gateway, model: str
) -> None:
    response = await gateway.generate(model=model, n=6)

    images = [entry["b64_json"] for entry in response.json()["data"]]
    assert len(await gateway.upstream_calls()) > 1
    assert (len(images), len(set(images))) == (6, 6)


async def test_nor_are_those_of_a_model_with_smaller_calls_than_its_provider_takes(
    tmp_path: Path,
) -> None:
    model, binding = canvas()
    model = changed(model, "spec.limits", {"maxImagesPerCall": 4, "maxImagesPerRequest": 10})
    async with running_gateway(tmp_path, model, binding) as gateway:
        response = await gateway.generate(n=6)

        images = [entry["b64_json"] for entry in response.json()["data"]]
        assert [call["n"] for call in await gateway.upstream_calls()] == [4, 2]
        assert (len(images), len(set(images))) == (6, 6)
