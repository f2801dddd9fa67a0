"""Words in a prompt that bring out what Gemini's image models do at times."""

from typing import Any

import pytest
from google.genai import types

from tests.simulator.genai import (
    QUIET,
    files_in,
    image_in,
    parts_of,
    response_of,
)
from tintype_testing.simulators import opened

pytestmark = QUIET


async def test_a_marked_prompt_gives_a_jpeg(simulator: str) -> None:
    assert image_in(await response_of(simulator, prompt="a red fox, as-jpeg")).format == "JPEG"


async def test_a_marked_prompt_gives_a_draft_before_the_image(simulator: str) -> None:
    response = await response_of(simulator, prompt="a red fox two-images", size="512")

    draft, image = files_in(response)
    assert draft != image
    assert opened(draft).size == opened(image).size
    assert response.usage_metadata is not None
    assert response.usage_metadata.candidates_tokens_details is not None
    assert response.usage_metadata.candidates_tokens_details[0].token_count == 2 * 747


@pytest.mark.parametrize(
    ("prompt", "config"),
    [
        ("a red fox with-thoughts", {}),
        ("a red fox", {"thinking_config": types.ThinkingConfig(include_thoughts=True)}),
    ],
)
async def test_thoughts_come_before_the_image_and_are_marked(
    simulator: str, prompt: str, config: dict[str, Any]
) -> None:
    response = await response_of(simulator, prompt=prompt, size="512", **config)

    assert [bool(part.thought) for part in parts_of(response)] == [True, True, False, False]
    assert len(files_in(response)) == 1
    assert parts_of(response)[-1].thought_signature


async def test_a_marker_inside_another_word_is_harmless(simulator: str) -> None:
    response = await response_of(simulator, prompt="undeclined not-as-jpeg", size="512")

    assert image_in(response).format == "PNG"
