"""OpenAI's own Python client changes images in every form in which it sends them."""

import io
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.types import ImagesResponse
from PIL import Image

from tests.simulator.edited import changed, is_box
from tintype_testing.manifests import STARTER, compiled, read_manifests
from tintype_testing.sample_images import drawn
from tintype_testing.sample_photos import file_of as file_of_scene
from tintype_testing.sample_photos import scene
from tintype_testing.simulators import file_of, opened

PHOTO = drawn("png", 96, 64)
PROMPT = "make it blue"


def masked(width: int = 96, height: int = 64) -> bytes:
    """Return a mask whose left half may change."""
    mask = Image.new("RGBA", (width, height), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, width // 2, height))
    file = io.BytesIO()
    mask.save(file, "png")
    return file.getvalue()


def sizes(response: ImagesResponse) -> list[tuple[int, int]]:
    return [opened(file_of(image)).size for image in response.data or ()]


@pytest.mark.parametrize("form", ["path", "bytes", "file", "tuple", "list of one"])
async def test_an_image_is_edited_in_whatever_form_it_is_given(
    client: AsyncOpenAI, tmp_path: Path, form: str
) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(PHOTO)
    image: Any = {
        "path": path,
        "bytes": PHOTO,
        "file": io.BytesIO(PHOTO),
        "tuple": ("photo.bin", PHOTO, "application/octet-stream"),
        "list of one": [path],
    }[form]

    response = await client.images.edit(
        model="gpt-image-2", image=image, prompt=PROMPT, quality="low", size="1024x1024"
    )

    assert sizes(response) == [(1024, 1024)]
    assert response.usage is not None
    assert response.usage.input_tokens_details.image_tokens > 0


async def test_sixteen_images_are_sent_in_their_order(client: AsyncOpenAI) -> None:
    response = await client.images.edit(
        model="gpt-image-2", image=[PHOTO] * 16, prompt=PROMPT, quality="low", size="1024x1024"
    )

    assert response.usage is not None
    assert response.usage.input_tokens_details.image_tokens % 16 == 0


async def test_an_edit_is_streamed_with_previews(client: AsyncOpenAI) -> None:
    events = await client.images.edit(
        model="gpt-image-2",
        image=PHOTO,
        mask=masked(),
        prompt=PROMPT,
        quality="low",
        size="1024x1024",
        stream=True,
        partial_images=2,
    )

    assert [event.type async for event in events] == [
        "image_edit.partial_image",
        "image_edit.partial_image",
        "image_edit.completed",
    ]


async def test_numbers_of_extra_fields_arrive_as_numbers(client: AsyncOpenAI) -> None:
    response = await client.images.edit(
        model="nova-canvas-inpainting",
        image=drawn("png", 512, 512),
        mask=masked(512, 512),
        prompt=PROMPT,
        extra_body={"imageGenerationConfig": {"cfgScale": 6.5}, "seed": 7},
    )

    assert sizes(response) == [(512, 512)]


async def test_a_variation_needs_no_prompt(client: AsyncOpenAI) -> None:
    with pytest.deprecated_call():  # OpenAI retired its own variations, and not the method
        response = await client.images.create_variation(model="gpt-image-2", image=PHOTO, n=2)

    assert len(sizes(response)) == 2


OPENAI = [
    model.id
    for model in compiled(*read_manifests(STARTER)).models
    if model.id.startswith("gpt-") and "edit" in model.rules
]


@pytest.mark.parametrize(
    ("model", "form"), [*((model, "png") for model in OPENAI), ("gpt-image-2", "webp")]
)
async def test_the_transparent_half_of_a_mask_changes_on_every_model_of_openai(
    client: AsyncOpenAI, model: str, form: str
) -> None:
    photo = scene(1024, 1024)
    image = file_of_scene(photo, form, lossless=True)
    mask = masked(1024, 1024)

    response = await client.images.edit(
        model=model, image=image, mask=mask, prompt=PROMPT, quality="low", size="1024x1024"
    )

    assert response.data is not None
    (made,) = (opened(file_of(each)) for each in response.data)
    assert is_box(changed(photo, made), (0, 0, 512, 1024))


@pytest.mark.parametrize(
    ("model", "word", "fields"),
    [
        ("nova-canvas-inpainting", "flagged", {"inPaintingParams": {"maskPrompt": "a dog"}}),
        ("stability.stable-image-inpaint-v1:0", "forbidden", {}),
        ("gemini-3.1-flash-image", "flagged", {}),
    ],
)
async def test_an_edit_that_its_provider_withholds_is_flagged_and_free(
    client: AsyncOpenAI, model: str, word: str, fields: dict[str, Any]
) -> None:
    response = await client.images.edit(
        model=model,
        image=drawn("png", 512, 512),
        prompt=f"a {word} fox",
        extra_body=fields,
    )

    body = response.model_dump()
    assert [entry["flagged"] for entry in body["data"]] == [True]
    assert body["data"][0]["flag_reason"]
    assert (body["usage"]["images"], body["usage"]["credits_used"]) == (0, 0)
