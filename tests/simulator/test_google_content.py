"""Gemini's image models, asked by google-genai."""

import asyncio

import pytest
from google.genai import Client, types

from tests.simulator.genai import (
    FLASH,
    GEMINI,
    OLDER,
    PRO,
    QUIET,
    files_in,
    gemini,
    image_in,
    parts_of,
    reached,
    response_of,
    vertex,
)

pytestmark = QUIET


@pytest.mark.parametrize("model", GEMINI)
async def test_every_model_paints_a_square_by_default(simulator: str, model: str) -> None:
    image = image_in(await response_of(simulator, model))

    assert (image.format, image.size) == ("PNG", (1024, 1024))


@pytest.mark.parametrize(
    ("model", "ratio", "size", "pixels"),
    [
        (FLASH, "2:3", "1K", (848, 1264)),
        (FLASH, "16:9", "512", (688, 384)),
        (FLASH, "21:9", "512", (792, 336)),
        (FLASH, "1:8", "512", (192, 1536)),
        (FLASH, "4:1", "1K", (2048, 512)),
        (FLASH, "4:5", "2K", (1856, 2304)),
        (PRO, "3:2", "4K", (5056, 3392)),
        ("gemini-nano-banana-2.1", "9:16", "2K", (1536, 2752)),
        ("gemini-3.1-flash-lite-image", "4:3", "1K", (1200, 896)),
        (OLDER, "16:9", None, (1344, 768)),
    ],
)
async def test_an_image_has_the_pixels_of_its_ratio_and_size(
    simulator: str, model: str, ratio: str, size: str | None, pixels: tuple[int, int]
) -> None:
    assert image_in(await response_of(simulator, model, ratio=ratio, size=size)).size == pixels


@pytest.mark.parametrize("model", GEMINI)
async def test_the_synchronous_client_is_served_as_well(simulator: str, model: str) -> None:
    def once() -> types.GenerateContentResponse:
        with Client(api_key="key", http_options=reached(simulator)) as client:
            return client.models.generate_content(model=model, contents="a red fox")

    assert image_in(await asyncio.to_thread(once)).size == (1024, 1024)


async def test_the_older_version_of_the_api_is_served_as_well(simulator: str) -> None:
    async with gemini(simulator, api_version="v1beta") as client:
        response = await client.models.generate_content(model=FLASH, contents="a red fox")

    assert files_in(response)


async def test_vertex_ai_serves_the_same_models(simulator: str) -> None:
    image_config = types.ImageConfig(output_mime_type="image/jpeg", output_compression_quality=20)
    config = types.GenerateContentConfig(image_config=image_config, labels={"team": "studio"})

    async with vertex(simulator) as client:
        response = await client.models.generate_content(
            model=FLASH, contents="a red fox", config=config
        )

    assert image_in(response).format == "JPEG"


async def test_the_model_returns_text_with_its_image(simulator: str) -> None:
    response = await response_of(simulator)

    text, image = parts_of(response)
    assert text.text == "Here is the image you asked for: a red fox"
    assert image.inline_data is not None
    assert response.model_version == FLASH
    assert response.response_id


async def test_an_image_alone_can_be_asked_for(simulator: str) -> None:
    response = await response_of(simulator, response_modalities=["IMAGE"])

    assert response.text is None
    assert len(files_in(response)) == 1


async def test_text_alone_can_be_asked_for(simulator: str) -> None:
    response = await response_of(simulator, response_modalities=["TEXT"])

    assert response.text
    assert not files_in(response)


async def test_without_a_seed_each_image_is_another(simulator: str) -> None:
    first, second = [await response_of(simulator, size="512") for _ in range(2)]

    assert files_in(first) != files_in(second)


async def test_the_same_seed_gives_the_same_image(simulator: str) -> None:
    first, second = [await response_of(simulator, seed=7, size="512") for _ in range(2)]

    assert files_in(first) == files_in(second)


async def test_another_seed_gives_another_image(simulator: str) -> None:
    first, second = [await response_of(simulator, seed=seed, size="512") for seed in (7, 8)]

    assert files_in(first) != files_in(second)
