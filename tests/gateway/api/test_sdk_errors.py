"""What OpenAI's own client raises, and when it tries again by itself."""

from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tintype_testing.gateway import Gateway, running_gateway

ERRORS: dict[str, tuple[dict[str, Any], type[openai.APIStatusError], int, str, str | None]] = {
    "a retired model": (
        {"model": "dall-e-3"},
        openai.BadRequestError,
        400,
        "no_active_providers",
        "model",
    ),
    "a refused prompt": (
        {"prompt": "a forbidden thing"},
        openai.BadRequestError,
        400,
        "moderation_blocked",
        None,
    ),
    "a wrong key": (
        {"extra_headers": {"Authorization": "Bearer sk-wrong"}},
        openai.AuthenticationError,
        401,
        "invalid_api_key",
        None,
    ),
    "an unknown model": (
        {"model": "gpt-image-0"},
        openai.NotFoundError,
        404,
        "model_not_found",
        "model",
    ),
    "a number out of range": (
        {"n": 11},
        openai.UnprocessableEntityError,
        422,
        "invalid_value",
        "n",
    ),
    "a misspelled field": (
        {"extra_body": {"qualty": "low"}},
        openai.UnprocessableEntityError,
        422,
        "unknown_parameter",
        "qualty",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
async def test_each_status_has_its_exception_class(client: AsyncOpenAI, case: str) -> None:
    fields, expected, status, code, param = ERRORS[case]

    with pytest.raises(expected) as caught:
        await client.images.generate(**{"model": "gpt-image-1", "prompt": "a red fox"} | fields)

    error = caught.value
    assert (error.status_code, error.code, error.param) == (status, code, param)
    assert error.request_id is not None
    assert error.request_id == error.response.headers["x-request-id"]


async def test_an_account_that_cannot_pay_gets_a_402(tmp_path: Any) -> None:
    async with running_gateway(tmp_path, credits_micro=1) as gateway, gateway.openai() as client:
        with pytest.raises(openai.APIStatusError) as caught:
            await client.images.generate(model="gpt-image-1", prompt="a red fox")

    assert (caught.value.status_code, caught.value.code) == (402, "insufficient_credits")
    assert caught.value.type == "insufficient_quota"


async def test_an_unavailable_provider_is_an_internal_server_error(
    gateway: Gateway, client: AsyncOpenAI
) -> None:
    await gateway.script({"error": "openai/server_error"})

    with pytest.raises(openai.InternalServerError) as caught:
        await client.images.generate(model="gpt-image-1", prompt="a red fox")

    assert (caught.value.status_code, caught.value.code) == (503, "outcome_unknown")


@pytest.mark.parametrize(
    "fault",
    [
        {"damage": "wrong_types"},
        {"cut_after_bytes": 1000},
        {"error": "openai/server_error"},
        {"error": "openai/invalid_api_key"},
    ],
)
async def test_the_client_never_repeats_a_request_that_may_have_been_charged_or_is_invalid(
    gateway: Gateway, fault: dict[str, object]
) -> None:
    await gateway.script(fault)

    async with gateway.openai(max_retries=2) as client:
        with pytest.raises(openai.InternalServerError):
            await client.images.generate(model="gpt-image-1", prompt="a red fox")

    assert len(await gateway.upstream_calls()) == 1


@pytest.mark.parametrize("error", ["openai/slow_down", "openai/server_is_overloaded"])
async def test_the_client_repeats_an_unprocessed_request(gateway: Gateway, error: str) -> None:
    await gateway.script({"error": error})

    async with gateway.openai(max_retries=1) as client:
        response = await client.images.generate(
            model="gpt-image-1", prompt="a red fox", quality="low"
        )

    assert response.data
    assert len(await gateway.upstream_calls()) == 2
