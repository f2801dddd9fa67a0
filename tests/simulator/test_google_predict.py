"""Imagen, asked by google-genai through Vertex AI, and as JSON through the Gemini API."""

import asyncio
from typing import Any

import pytest
from google.genai import Client, types
from google.genai.errors import ClientError
from google.oauth2.credentials import Credentials

from tests.simulator.genai import QUIET, express, image_of, images_in, reached, vertex
from tintype_simulator.google.models import MODELS

pytestmark = QUIET

IMAGEN = [
    model.id for model in MODELS.values() if (model.method, model.task) == ("predict", "generate")
]
STANDARD, FAST = "imagen-4.0-generate-001", "imagen-4.0-fast-generate-001"


async def ask(
    simulator: str, model: str = FAST, prompt: str = "a red fox", **config: Any
) -> types.GenerateImagesResponse:
    given = types.GenerateImagesConfig(**{"number_of_images": 1} | config)
    async with vertex(simulator) as client:
        response: types.GenerateImagesResponse = await client.models.generate_images(
            model=model, prompt=prompt, config=given
        )
    return response


@pytest.mark.parametrize("model", IMAGEN)
async def test_every_model_paints_a_square_by_default(simulator: str, model: str) -> None:
    [entry] = images_in(await ask(simulator, model))

    assert (image_of(entry).format, image_of(entry).size) == ("PNG", (1024, 1024))
    assert entry.image is not None
    assert entry.image.mime_type == "image/png"


@pytest.mark.parametrize(
    ("ratio", "size", "pixels"),
    [
        ("3:4", "1K", (896, 1280)),
        ("4:3", "1K", (1280, 896)),
        ("9:16", "1K", (768, 1408)),
        ("16:9", None, (1408, 768)),
        ("16:9", "2K", (2816, 1536)),
    ],
)
async def test_an_image_has_the_pixels_of_its_ratio_and_size(
    simulator: str, ratio: str, size: str | None, pixels: tuple[int, int]
) -> None:
    response = await ask(simulator, STANDARD, aspect_ratio=ratio, image_size=size)

    assert [image_of(entry).size for entry in images_in(response)] == [pixels]


async def test_the_synchronous_client_is_served_as_well(simulator: str) -> None:
    def once() -> types.GenerateImagesResponse:
        client = Client(
            vertexai=True,
            project="studio",
            location="us-central1",
            credentials=Credentials("key"),  # type: ignore[no-untyped-call]
            http_options=reached(simulator),
        )
        with client:
            config = types.GenerateImagesConfig(number_of_images=1)
            response: types.GenerateImagesResponse = client.models.generate_images(
                model=FAST, prompt="a red fox", config=config
            )
        return response

    assert len(images_in(await asyncio.to_thread(once))) == 1


async def test_express_mode_needs_no_project_and_gives_four_images(simulator: str) -> None:
    async with express(simulator) as client:
        response = await client.models.generate_images(model=FAST, prompt="a red fox")

    assert len({image_of(entry).tobytes() for entry in images_in(response)}) == 4


async def test_every_parameter_of_vertex_ai_is_accepted(simulator: str) -> None:
    response = await ask(
        simulator,
        person_generation="ALLOW_ADULT",
        safety_filter_level="BLOCK_ONLY_HIGH",
        guidance_scale=5.0,
        language="en",
        negative_prompt="snow",
        seed=4,
        add_watermark=False,
        enhance_prompt=True,
        include_safety_attributes=True,
        output_mime_type="image/jpeg",
        output_compression_quality=30,
        labels={"team": "studio"},
    )

    [entry] = images_in(response)
    assert image_of(entry).format == "JPEG"
    assert entry.enhanced_prompt == "A detailed image: a red fox"
    assert response.positive_prompt_safety_attributes is not None


async def test_without_a_seed_each_image_is_another(simulator: str) -> None:
    first, second = [await ask(simulator) for _ in range(2)]

    assert image_of(images_in(first)[0]).tobytes() != image_of(images_in(second)[0]).tobytes()


async def test_the_same_seed_gives_the_same_image(simulator: str) -> None:
    seeds = (4, 4, 5)
    responses = [await ask(simulator, seed=seed, add_watermark=False) for seed in seeds]

    first, second, third = [image_of(images_in(response)[0]).tobytes() for response in responses]
    assert first == second != third


async def test_a_seed_is_refused_where_the_watermark_stays(simulator: str) -> None:
    with pytest.raises(ClientError, match="watermark"):
        await ask(simulator, seed=4)


async def test_filtered_images_are_missing_without_a_reason(simulator: str) -> None:
    assert not images_in(await ask(simulator, prompt="a flagged fox", number_of_images=2))


@pytest.mark.parametrize(("prompt", "images"), [("a flagged fox", 0), ("a half-flagged fox", 1)])
async def test_reasons_for_filtered_images_can_be_asked_for(
    simulator: str, prompt: str, images: int
) -> None:
    response = await ask(simulator, prompt=prompt, number_of_images=2, include_rai_reason=True)

    entries = images_in(response)
    assert [entry.rai_filtered_reason is None for entry in entries] == [True] * images + [False] * (
        2 - images
    )


async def test_a_forbidden_prompt_is_an_error(simulator: str) -> None:
    with pytest.raises(ClientError, match="prompt could not be submitted"):
        await ask(simulator, prompt="a forbidden fox")
