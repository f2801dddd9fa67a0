"""How Gemini's image models refuse: always by a response of status 200, in four shapes."""

import pytest
from google.genai import types

from tests.simulator.genai import QUIET, files_in, gemini, vertex

pytestmark = QUIET


async def ask(simulator: str, prompt: str) -> types.GenerateContentResponse:
    async with gemini(simulator) as client:
        return await client.models.generate_content(
            model="gemini-3-pro-image", contents=prompt, config={"response_modalities": ["IMAGE"]}
        )


def candidate(response: types.GenerateContentResponse) -> types.Candidate:
    assert response.candidates is not None
    [only] = response.candidates
    return only


async def test_a_forbidden_prompt_is_blocked_and_has_no_candidates(simulator: str) -> None:
    response = await ask(simulator, "a forbidden fox")

    assert response.prompt_feedback is not None
    assert response.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
    assert not response.candidates


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("a flagged fox", types.FinishReason.IMAGE_SAFETY),
        ("an imageless fox", types.FinishReason.NO_IMAGE),
        ("a declined fox", types.FinishReason.STOP),
    ],
)
async def test_a_marked_prompt_ends_without_an_image(
    simulator: str, prompt: str, reason: types.FinishReason
) -> None:
    response = await ask(simulator, prompt)

    assert candidate(response).finish_reason == reason
    assert not files_in(response)


async def test_a_blocked_image_has_a_reason(simulator: str) -> None:
    async with vertex(simulator) as client:  # the client of the Gemini API drops the sentence
        response = await client.models.generate_content(
            model="gemini-3-pro-image", contents="a flagged fox"
        )

    assert "Unable to show" in (candidate(response).finish_message or "")


async def test_a_polite_refusal_is_text(simulator: str) -> None:
    response = await ask(simulator, "a declined fox")

    assert "rather not" in (response.text or "")


async def test_a_refusal_counts_its_thoughts_twice(simulator: str) -> None:
    usage = (await ask(simulator, "a flagged fox")).usage_metadata

    assert usage is not None
    assert usage.candidates_token_count == usage.thoughts_token_count == 180
    assert usage.total_token_count == (usage.prompt_token_count or 0) + 180
