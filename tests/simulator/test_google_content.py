"""Gemini's image models, asked by google-genai."""

import asyncio
from typing import Any

import pytest
from google.genai import Client, types

from tests.simulator.genai import (
    QUIET,
    asked,
    files_in,
    gemini,
    parts_of,
    picture_in,
    reached,
    small_file,
    vertex,
)
from tests.simulator.support import opened
from tintype_simulator.google_models import MODELS

pytestmark = QUIET

GEMINI = [model.id for model in MODELS.values() if model.method == "generateContent"]
FLASH, PRO, OLDER = "gemini-3.1-flash-image", "gemini-3-pro-image", "gemini-2.5-flash-image"


async def ask(
    simulator: str, model: str = FLASH, prompt: str = "a red fox", **config: Any
) -> types.GenerateContentResponse:
    async with gemini(simulator) as client:
        return await client.models.generate_content(
            model=model, contents=prompt, config=asked(**config)
        )


@pytest.mark.parametrize("model", GEMINI)
async def test_every_model_paints_a_square_if_nothing_is_said(simulator: str, model: str) -> None:
    image = picture_in(await ask(simulator, model))

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
async def test_a_picture_has_the_pixels_of_its_ratio_and_size(
    simulator: str, model: str, ratio: str, size: str | None, pixels: tuple[int, int]
) -> None:
    assert picture_in(await ask(simulator, model, ratio=ratio, size=size)).size == pixels


async def test_the_synchronous_client_is_served_as_well(simulator: str) -> None:
    def once() -> types.GenerateContentResponse:
        with Client(api_key="key", http_options=reached(simulator)) as client:
            return client.models.generate_content(model=FLASH, contents="a red fox")

    assert picture_in(await asyncio.to_thread(once)).size == (1024, 1024)


async def test_the_older_version_of_the_api_is_served_as_well(simulator: str) -> None:
    async with gemini(simulator, api_version="v1beta") as client:
        answer = await client.models.generate_content(model=FLASH, contents="a red fox")

    assert files_in(answer)


async def test_vertex_ai_serves_the_same_models(simulator: str) -> None:
    image_config = types.ImageConfig(output_mime_type="image/jpeg", output_compression_quality=20)
    config = types.GenerateContentConfig(image_config=image_config, labels={"team": "studio"})

    async with vertex(simulator) as client:
        answer = await client.models.generate_content(
            model=FLASH, contents="a red fox", config=config
        )

    assert picture_in(answer).format == "JPEG"


async def test_the_model_says_something_beside_its_picture(simulator: str) -> None:
    answer = await ask(simulator)

    text, picture = parts_of(answer)
    assert text.text == "Here is the picture you asked for: a red fox"
    assert picture.inline_data is not None
    assert answer.model_version == FLASH
    assert answer.response_id


async def test_a_picture_alone_can_be_asked_for(simulator: str) -> None:
    answer = await ask(simulator, response_modalities=["IMAGE"])

    assert answer.text is None
    assert len(files_in(answer)) == 1


async def test_text_alone_can_be_asked_for(simulator: str) -> None:
    answer = await ask(simulator, response_modalities=["TEXT"])

    assert answer.text
    assert not files_in(answer)


async def test_the_same_request_gives_the_same_picture(simulator: str) -> None:
    first, second = [await ask(simulator, seed=7, size="512") for _ in range(2)]

    assert files_in(first) == files_in(second)


async def test_another_seed_gives_another_picture(simulator: str) -> None:
    first, second = [await ask(simulator, seed=seed, size="512") for seed in (7, 8)]

    assert files_in(first) != files_in(second)


@pytest.mark.parametrize(
    ("model", "size", "tokens", "thoughts"),
    [
        (OLDER, None, 1290, None),
        (FLASH, "512", 747, 180),
        (FLASH, "1K", 1120, 180),
        (FLASH, "2K", 1680, 180),
        (PRO, "2K", 1120, 180),
        ("gemini-3.1-flash-lite-image", "1K", 1120, 180),
        ("gemini-nano-banana-2.1", "1K", 1120, 180),
    ],
)
async def test_usage_counts_pictures_as_google_does(
    simulator: str, model: str, size: str | None, tokens: int, thoughts: int | None
) -> None:
    answer = await ask(simulator, model, size=size)

    usage = answer.usage_metadata
    assert usage is not None
    assert usage.candidates_tokens_details is not None
    [detail] = usage.candidates_tokens_details
    assert (detail.modality, detail.token_count) == (types.MediaModality.IMAGE, tokens)
    assert usage.thoughts_token_count == thoughts


async def test_the_details_of_usage_leave_out_what_the_model_says(simulator: str) -> None:
    usage = (await ask(simulator, OLDER)).usage_metadata

    assert usage is not None
    assert (usage.prompt_token_count, usage.candidates_token_count) == (2, 1290 + 11)
    assert usage.total_token_count == 2 + 1290 + 11


async def test_a_limit_that_is_too_low_ends_without_a_picture(simulator: str) -> None:
    answer = await ask(simulator, max_output_tokens=1120 + 180)

    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    assert not files_in(answer)


async def test_a_limit_that_is_high_enough_changes_nothing(simulator: str) -> None:
    assert files_in(await ask(simulator, max_output_tokens=1120 + 180 + 20))


async def test_a_picture_in_the_prompt_is_counted_and_gives_its_ratio(simulator: str) -> None:
    reference = types.Part.from_bytes(data=small_file(160, 92), mime_type="image/png")

    content = types.Content(parts=[types.Part(text="put a hat on it"), reference])

    async with gemini(simulator) as client:
        answer = await client.models.generate_content(model=PRO, contents=content)

    assert picture_in(answer).size == (1376, 768)
    assert answer.usage_metadata is not None
    details = answer.usage_metadata.prompt_tokens_details or []
    assert [detail.token_count for detail in details] == [3, 560]


async def test_a_marked_prompt_gives_a_jpeg(simulator: str) -> None:
    assert picture_in(await ask(simulator, prompt="a red fox, as-jpeg")).format == "JPEG"


async def test_a_marked_prompt_gives_a_draft_before_the_picture(simulator: str) -> None:
    answer = await ask(simulator, prompt="a red fox two-pictures", size="512")

    draft, picture = files_in(answer)
    assert draft != picture
    assert opened(draft).size == opened(picture).size
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.candidates_tokens_details is not None
    assert answer.usage_metadata.candidates_tokens_details[0].token_count == 2 * 747


@pytest.mark.parametrize(
    ("prompt", "config"),
    [
        ("a red fox with-thoughts", {}),
        ("a red fox", {"thinking_config": types.ThinkingConfig(include_thoughts=True)}),
    ],
)
async def test_thoughts_come_before_the_answer_and_are_marked(
    simulator: str, prompt: str, config: dict[str, Any]
) -> None:
    answer = await ask(simulator, prompt=prompt, size="512", **config)

    assert [bool(part.thought) for part in parts_of(answer)] == [True, True, False, False]
    assert len(files_in(answer)) == 1
    assert parts_of(answer)[-1].thought_signature


async def test_a_marker_inside_another_word_is_harmless(simulator: str) -> None:
    answer = await ask(simulator, prompt="undeclined not-as-jpeg", size="512")

    assert picture_in(answer).format == "PNG"
