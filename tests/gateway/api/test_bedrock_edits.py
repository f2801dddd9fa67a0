"""Edits that Bedrock makes for OpenAI's own client, measured by the pixels that changed."""

import io
from typing import Any

import pytest
from openai import AsyncOpenAI
from PIL import Image

from tests.simulator.edited import changed, is_box, photo
from tintype_testing.simulators import file_of, opened

SIZE = (640, 704)
BOX = (40, 100, 200, 300)
PHOTO = photo(SIZE)


def file(image: Image.Image, name: str = "image.png") -> tuple[str, bytes]:
    """Return an image as a file to upload."""
    content = io.BytesIO()
    image.save(content, "png")
    return name, content.getvalue()


def alpha_mask(color: str) -> tuple[str, bytes]:
    """Return a mask with a transparent box, of the same color all over."""
    mask = Image.new("RGB", SIZE, color)
    alpha = Image.new("L", SIZE, 255)
    alpha.paste(0, BOX)
    mask.putalpha(alpha)
    return file(mask, "mask.png")


async def edited(client: AsyncOpenAI, model: str, *images: Any, **fields: Any) -> Image.Image:
    """Return the one image of an edit."""
    response = await client.images.edit(model=model, image=list(images), **fields)
    assert response.data is not None
    (image,) = response.data
    return opened(file_of(image))


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("titan-image-generator-v2-inpainting", {"prompt": "a door"}),
        ("titan-image-generator-v2-outpainting", {"prompt": "a door"}),
        ("nova-canvas-inpainting", {"prompt": "a door"}),
        ("nova-canvas-outpainting", {"prompt": "a door"}),
        ("stability.stable-image-inpaint-v1:0", {"prompt": "a door"}),
        ("stability.stable-image-erase-object-v1:0", {"prompt": "a door"}),
    ],
)
@pytest.mark.parametrize("color", ["black", "white"])
async def test_the_transparent_region_of_a_mask_changes_whatever_its_color(
    client: AsyncOpenAI, model: str, fields: dict[str, str], color: str
) -> None:
    image = await edited(client, model, file(PHOTO), mask=alpha_mask(color), **fields)

    assert is_box(changed(PHOTO, image), BOX)


async def test_try_on_changes_the_transparent_region_of_the_person(client: AsyncOpenAI) -> None:
    garment = file(Image.new("RGB", (400, 400), "red"))

    image = await edited(
        client,
        "nova-canvas-virtual-try-on",
        file(PHOTO),
        garment,
        prompt="a red shirt",
        mask=alpha_mask("white"),
    )

    assert is_box(changed(PHOTO, image), BOX)


@pytest.mark.parametrize(
    ("model", "fields", "size"),
    [
        (
            "nova-canvas-variation",
            {
                "size": "512x512",
                "extra_body": {"imageVariationParams": {"similarityStrength": 0.5}},
            },
            (512, 512),
        ),
        (
            "titan-image-generator-v2-color-guided",
            {
                "size": "512x512",
                "extra_body": {"colorGuidedGenerationParams": {"colors": ["#FF9800", "#00BCD4"]}},
            },
            (512, 512),
        ),
        ("titan-image-generator-v2-background-removal", {}, SIZE),
        ("stability.sd3-5-large-v1:0-image-to-image", {"extra_body": {"strength": 0.7}}, SIZE),
        ("stability.stable-outpaint-v1:0", {"size": "700x804"}, (700, 804)),
        ("stability.stable-outpaint-v1:0", {"extra_body": {"left": 30, "up": 20}}, (670, 724)),
        (
            "stability.stable-image-search-replace-v1:0",
            {"extra_body": {"search_prompt": "the dog", "grow_mask": 3, "seed": 7}},
            SIZE,
        ),
        ("stability.stable-image-style-guide-v1:0", {"size": "1344x768"}, (1344, 768)),
    ],
)
async def test_a_model_takes_fields_of_its_provider_as_texts_of_a_form(
    client: AsyncOpenAI, model: str, fields: dict[str, Any], size: tuple[int, int]
) -> None:
    image = await edited(client, model, file(PHOTO), prompt="a red fox", **fields)

    assert image.size == size


async def test_the_second_image_is_the_style_of_the_first(client: AsyncOpenAI) -> None:
    style = file(Image.new("RGB", (400, 400), "red"))
    model = "stability.stable-style-transfer-v1:0"

    image = await edited(client, model, file(PHOTO), style, prompt="a red fox")

    assert image.size == SIZE
    assert changed(PHOTO, image).getbbox() is not None
