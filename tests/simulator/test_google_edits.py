"""Edits with Gemini's image models: images among the parts of a prompt, asked by google-genai."""

import io
import struct
from typing import Any

import pytest
from google.genai import types
from google.genai.errors import ClientError
from PIL import Image

from tests.simulator.edits import file, mean_color, nearest, plain
from tests.simulator.genai import (
    FLASH,
    GEMINI,
    OLDER,
    PRO,
    QUIET,
    asked,
    files_in,
    gemini,
    image_in,
    vertex,
)
from tintype_simulator.google.models import MODELS
from tintype_simulator.painting.edits import stripe_boxes

pytestmark = QUIET

COLORS = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}
SMALL = (64, 64)


def part(color: str, form: str = "png") -> types.Part:
    """Return an image in one color as a part of a prompt."""
    return types.Part.from_bytes(data=plain(color, SMALL, form), mime_type=f"image/{form}")


def said(*parts: types.Part, prompt: str = "put a hat on it") -> types.Content:
    """Return a prompt with these parts before its text."""
    return types.Content(role="user", parts=[*parts, types.Part(text=prompt)])


async def edited(
    simulator: str, contents: Any, model: str = FLASH, ratio: str | None = None
) -> types.GenerateContentResponse:
    """Return the response of a model of the Gemini API."""
    size = "512" if model == FLASH else None
    async with gemini(simulator) as client:
        return await client.models.generate_content(
            model=model, contents=contents, config=asked(ratio=ratio, size=size)
        )


@pytest.mark.parametrize("order", [["red", "blue", "lime"], ["lime", "red", "blue"], ["blue"]])
async def test_an_image_shows_a_stripe_of_each_input_in_their_order(
    simulator: str, order: list[str]
) -> None:
    image = image_in(await edited(simulator, said(*map(part, order))))

    boxes = stripe_boxes((0, 0, *image.size), len(order))
    assert [nearest(mean_color(image, box), COLORS) for box in boxes] == order


@pytest.mark.parametrize("model", GEMINI)
async def test_every_model_takes_as_many_images_as_google_says(simulator: str, model: str) -> None:
    most = MODELS[model].max_references

    response = await edited(simulator, said(*[part("red")] * most), model)
    with pytest.raises(ClientError, match="Too many images"):
        await edited(simulator, said(*[part("red")] * (most + 1)), model)

    assert files_in(response)


@pytest.mark.parametrize(("model", "tokens"), [(PRO, 560), (FLASH, 1120), (OLDER, 258)])
async def test_usage_counts_the_images_of_the_prompt(
    simulator: str, model: str, tokens: int
) -> None:
    usage = (await edited(simulator, said(part("red"), part("blue")), model)).usage_metadata

    assert usage is not None
    details = {d.modality: d.token_count for d in usage.prompt_tokens_details or []}
    assert details[types.MediaModality.IMAGE] == 2 * tokens
    assert usage.prompt_token_count == 2 * tokens + 3


async def test_a_prompt_with_the_word_cached_reports_cached_tokens(simulator: str) -> None:
    usage = (await edited(simulator, said(part("red"), prompt="a cached fox"))).usage_metadata

    assert usage is not None
    details = {d.modality: d.token_count for d in usage.cache_tokens_details or []}
    assert details == {types.MediaModality.TEXT: 1, types.MediaModality.IMAGE: 560}
    assert usage.cached_content_token_count == 561


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
async def test_an_image_may_have_every_format_that_pillow_reads(simulator: str, form: str) -> None:
    image = image_in(await edited(simulator, said(part("red", form))))

    assert nearest(mean_color(image), COLORS) == "red"


@pytest.mark.parametrize("media_type", ["image/heic", "image/heif"])
async def test_a_photo_in_heif_gives_its_shape(simulator: str, media_type: str) -> None:
    size = b"ispe" + struct.pack(">III", 0, 1600, 900)
    photo = types.Part.from_bytes(data=b"\0\0\0\x18ftypheic" + size, mime_type=media_type)

    assert image_in(await edited(simulator, said(photo))).size == (688, 384)


async def test_a_named_ratio_goes_before_that_of_the_images(simulator: str) -> None:
    assert image_in(await edited(simulator, said(part("red")), ratio="16:9")).size == (688, 384)


async def test_an_edit_may_continue_what_the_model_said(simulator: str) -> None:
    before = said(part("red"))
    response = (await edited(simulator, before)).candidates
    assert response is not None
    assert response[0].content is not None

    image = image_in(await edited(simulator, [before, response[0].content, said(part("blue"))]))

    first, _, last = stripe_boxes((0, 0, *image.size), 3)
    shown = [nearest(mean_color(image, box), COLORS) for box in (first, last)]
    assert shown == ["red", "blue"]


async def test_vertex_ai_edits_as_well(simulator: str) -> None:
    async with vertex(simulator) as client:
        response = await client.models.generate_content(
            model=FLASH, contents=said(part("red")), config=asked(size="512")
        )

    assert nearest(mean_color(image_in(response)), COLORS) == "red"


@pytest.mark.parametrize(
    ("data", "media_type", "problem"),
    [
        (b"no image", "image/png", "Unable to process input image"),
        (plain("red", SMALL)[:90], "image/png", "Unable to process input image"),
        (plain("red", SMALL), "image/jpeg", "Unable to process input image"),
        (b"no photo", "image/heic", "Unable to process input image"),
        (file(Image.new("RGB", SMALL), "gif"), "image/gif", "Unsupported MIME type: image/gif"),
        (b"<svg/>", "application/octet-stream", "Unsupported MIME type"),
    ],
)
async def test_what_is_not_an_image_of_a_known_type_is_refused(
    simulator: str, data: bytes, media_type: str, problem: str
) -> None:
    upload = types.Part.from_bytes(data=data, mime_type=media_type)

    with pytest.raises(ClientError, match=problem):
        await edited(simulator, said(upload))


async def test_a_photo_that_holds_several_images_is_read_as_a_jpeg(simulator: str) -> None:
    content = io.BytesIO()
    frames = [Image.new("RGB", SMALL, color) for color in ("red", "blue")]
    frames[0].save(content, "mpo", save_all=True, append_images=frames[1:])
    photo = types.Part.from_bytes(data=content.getvalue(), mime_type="image/jpeg")

    assert nearest(mean_color(image_in(await edited(simulator, said(photo)))), COLORS) == "red"


async def test_a_file_elsewhere_is_not_fetched(simulator: str) -> None:
    elsewhere = types.Part.from_uri(file_uri="https://127.0.0.1/a.png", mime_type="image/png")

    with pytest.raises(ClientError, match="Cannot fetch content"):
        await edited(simulator, said(elsewhere))


async def test_an_image_that_is_magenta_all_over_leads_to_no_image(simulator: str) -> None:
    response = await edited(simulator, said(part("magenta")))

    assert response.candidates is None
    assert response.prompt_feedback is not None
    assert response.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
