"""How Gemini's image models count tokens, and stop at a limit of them."""

import pytest
from google.genai import types

from tests.simulator.genai import (
    FLASH,
    OLDER,
    PRO,
    QUIET,
    files_in,
    gemini,
    image_in,
    response_of,
    small_file,
)

pytestmark = QUIET


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
async def test_usage_counts_images_as_google_does(
    simulator: str, model: str, size: str | None, tokens: int, thoughts: int | None
) -> None:
    response = await response_of(simulator, model, size=size)

    usage = response.usage_metadata
    assert usage is not None
    assert usage.candidates_tokens_details is not None
    [detail] = usage.candidates_tokens_details
    assert (detail.modality, detail.token_count) == (types.MediaModality.IMAGE, tokens)
    assert usage.thoughts_token_count == thoughts


async def test_the_details_of_usage_leave_out_the_caption(simulator: str) -> None:
    usage = (await response_of(simulator, OLDER)).usage_metadata

    assert usage is not None
    assert (usage.prompt_token_count, usage.candidates_token_count) == (2, 1290 + 10)
    assert usage.total_token_count == 2 + 1290 + 10


async def test_a_limit_that_is_too_low_ends_without_an_image(simulator: str) -> None:
    response = await response_of(simulator, max_output_tokens=1120 + 180)

    assert response.candidates is not None
    assert response.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    assert not files_in(response)


async def test_a_limit_that_is_high_enough_changes_nothing(simulator: str) -> None:
    assert files_in(await response_of(simulator, max_output_tokens=1120 + 180 + 20))


async def test_an_image_in_the_prompt_is_counted_and_gives_its_ratio(simulator: str) -> None:
    reference = types.Part.from_bytes(data=small_file(160, 92), mime_type="image/png")

    content = types.Content(parts=[types.Part(text="put a hat on it"), reference])

    async with gemini(simulator) as client:
        response = await client.models.generate_content(model=PRO, contents=content)

    assert image_in(response).size == (1376, 768)
    assert response.usage_metadata is not None
    details = response.usage_metadata.prompt_tokens_details or []
    assert [detail.token_count for detail in details] == [3, 560]
