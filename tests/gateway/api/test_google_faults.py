"""Refusals, errors and unusual responses of Google's models, through the whole gateway."""

from decimal import Decimal

import pytest
from openai import AsyncOpenAI, BadRequestError, InternalServerError

from tests.gateway.api.test_google import FAST, FLASH, MICRO_CREDITS_PER_USD, generated
from tintype_gateway.upstream.retry import MAX_ATTEMPTS
from tintype_testing.gateway import CREDITS_MICRO, Gateway


@pytest.mark.parametrize("word", ["forbidden", "flagged", "declined"])
async def test_gemini_refuses_in_three_forms_and_no_account_is_charged(
    client: AsyncOpenAI, word: str
) -> None:
    response = await generated(client, FLASH, prompt=f"a {word} fox")

    assert [image["flagged"] for image in response["data"]] == [True]
    assert response["usage"]["images"] == 0
    assert response["usage"]["credits_used"] == 0


async def test_an_image_that_gemini_says_did_not_come_is_a_known_failure_and_costs_nothing(
    gateway: Gateway,
) -> None:
    asked = {"model": FLASH, "prompt": "an imageless fox"}
    responses = [await gateway.generate({"Idempotency-Key": "k"}, **asked) for _ in range(2)]

    codes = [(response.status_code, response.json()["error"]["code"]) for response in responses]
    assert codes == [(503, "image_missing")] * 2
    assert len(await gateway.upstream_calls()) == 2
    assert (await gateway.account()).balance == CREDITS_MICRO


async def test_imagen_is_paid_for_the_images_that_passed(client: AsyncOpenAI) -> None:
    response = await generated(client, FAST, prompt="a half-flagged fox", n=4)

    assert [image["flagged"] for image in response["data"]] == [False, False, True, True]
    assert response["usage"]["images"] == 2
    assert response["usage"]["credits_used"] == 2 * int(Decimal("0.020") * MICRO_CREDITS_PER_USD)


async def test_imagen_refuses_a_prompt_as_openai_does(client: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError) as refused:
        await generated(client, FAST, prompt="a forbidden fox")

    assert refused.value.code == "moderation_blocked"


@pytest.mark.parametrize("marker", ["as-jpeg", "two-images", "with-thoughts"])
async def test_the_oddities_of_gemini_are_one_image(client: AsyncOpenAI, marker: str) -> None:
    response = await generated(client, FLASH, prompt=f"a red fox {marker}", size="512x512")

    assert len(response["data"]) == 1
    assert response["output_format"] == ("jpeg" if marker == "as-jpeg" else "png")


@pytest.mark.parametrize(
    ("error", "code", "retry_after"),
    [
        ("API_KEY_INVALID", "provider_unauthorized", None),
        ("FAILED_PRECONDITION", "provider_unauthorized", None),
        ("RESOURCE_EXHAUSTED", "provider_throttled", "37"),
        ("UNAVAILABLE", "provider_unavailable", None),
        ("INTERNAL", "outcome_unknown", None),
        ("DEADLINE_EXCEEDED", "outcome_unknown", None),
    ],
)
async def test_an_error_of_google_becomes_an_openai_error(
    gateway: Gateway, client: AsyncOpenAI, error: str, code: str, retry_after: str | None
) -> None:
    await gateway.script(*[{"error": f"google/{error}"}] * MAX_ATTEMPTS)

    with pytest.raises(InternalServerError) as refused:
        await generated(client, FLASH)

    assert (refused.value.status_code, refused.value.code) == (503, code)
    assert refused.value.response.headers.get("retry-after") == retry_after


@pytest.mark.parametrize(
    ("model", "damage"),
    [
        (FAST, "wrong_types"),
        (FLASH, "truncated_base64"),
        (FLASH, "malformed_json"),
        (FLASH, "wrong_types"),
    ],
)
async def test_a_damaged_response_is_of_unknown_outcome(
    gateway: Gateway, client: AsyncOpenAI, model: str, damage: str
) -> None:
    await gateway.script({"damage": damage})

    with pytest.raises(InternalServerError) as refused:
        await generated(client, model)

    assert refused.value.code == "outcome_unknown"
