"""Google's errors, as google-genai understands them."""

from collections.abc import Mapping
from typing import Any

import pytest
from google.genai import types
from google.genai.errors import APIError, ClientError, ServerError

from tests.simulator.genai import QUIET, asked, files_in, gemini, small_file, vertex, with_fault
from tintype_simulator.google.errors import ERRORS
from tintype_testing.http import http_client
from tintype_testing.simulators import fault, requests_received, script

pytestmark = QUIET

MODEL = "gemini-3.1-flash-lite-image"

TABLE: Mapping[str, tuple[type[APIError], int, str]] = {
    "INVALID_ARGUMENT": (ClientError, 400, "INVALID_ARGUMENT"),
    "API_KEY_INVALID": (ClientError, 400, "INVALID_ARGUMENT"),
    "PROMPT_NOT_SUBMITTED": (ClientError, 400, "INVALID_ARGUMENT"),
    "FAILED_PRECONDITION": (ClientError, 400, "FAILED_PRECONDITION"),
    "UNAUTHENTICATED": (ClientError, 401, "UNAUTHENTICATED"),
    "PERMISSION_DENIED": (ClientError, 403, "PERMISSION_DENIED"),
    "NOT_FOUND": (ClientError, 404, "NOT_FOUND"),
    "RESOURCE_EXHAUSTED": (ClientError, 429, "RESOURCE_EXHAUSTED"),
    "INTERNAL": (ServerError, 500, "INTERNAL"),
    "UNAVAILABLE": (ServerError, 503, "UNAVAILABLE"),
    "DEADLINE_EXCEEDED": (ServerError, 504, "DEADLINE_EXCEEDED"),
}


async def ask(
    simulator: str,
    config: types.GenerateContentConfig | None = None,
    model: str = MODEL,
    api_key: str = "key",
) -> types.GenerateContentResponse:
    async with gemini(simulator, api_key) as client:
        return await client.models.generate_content(
            model=model, contents="a red fox", config=config
        )


async def refused(simulator: str, **fields: Any) -> APIError:
    with pytest.raises(APIError) as raised:
        await ask(simulator, **fields)
    return raised.value


def details(error: APIError) -> list[Any]:
    found: list[Any] = error.details["error"]["details"]
    return found


@pytest.mark.parametrize("name", ERRORS)
async def test_each_row_is_the_error_that_googles_client_knows(simulator: str, name: str) -> None:
    error = await refused(simulator, config=with_fault(fault(error=f"google/{name}")))

    assert (type(error), error.code, error.status) == TABLE[name]
    assert error.message


async def test_a_client_above_its_quota_learns_the_quota_and_how_long_to_wait(
    simulator: str,
) -> None:
    error = await refused(simulator, config=with_fault(fault(error="google/RESOURCE_EXHAUSTED")))

    quota, _, retry = details(error)
    assert quota["@type"] == "type.googleapis.com/google.rpc.QuotaFailure"
    assert quota["violations"][0]["quotaValue"] == "10"
    assert retry["retryDelay"] == "36.4s"


async def test_googles_client_can_try_again(simulator: str) -> None:
    await script(simulator, {"error": "google/UNAVAILABLE"})
    patience = types.HttpRetryOptions(attempts=2, initial_delay=0.01, jitter=0.0)

    async with gemini(simulator, retry_options=patience) as client:
        response = await client.models.generate_content(model=MODEL, contents="a red fox")

    assert files_in(response)
    assert len(await requests_received(simulator)) == 2


async def test_a_wrong_key_is_an_invalid_argument_with_a_reason(simulator: str) -> None:
    error = await refused(simulator, api_key="invalid-1")

    assert (error.code, error.status) == (400, "INVALID_ARGUMENT")
    assert details(error)[0]["reason"] == "API_KEY_INVALID"


async def test_a_wrong_token_is_unauthenticated(simulator: str) -> None:
    async with vertex(simulator, "invalid-1") as client:
        with pytest.raises(ClientError) as raised:
            await client.models.generate_content(model=MODEL, contents="a red fox")

    assert (raised.value.code, raised.value.status) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1beta/models/{}", {}, 403),
        ("/v1beta/models/{}", {"authorization": "Bearer token"}, 403),
        ("/v1beta1/projects/p/locations/l/publishers/google/models/{}", {}, 401),
        (
            "/v1beta1/projects/p/locations/l/publishers/google/models/{}",
            {"authorization": "Basic token"},
            401,
        ),
        ("/v1/publishers/google/models/{}", {"authorization": "Bearer"}, 401),
    ],
)
async def test_a_call_without_credentials_is_refused(
    simulator: str, path: str, headers: dict[str, str], status: int
) -> None:
    async with http_client() as http:
        url = simulator + path.format(f"{MODEL}:generateContent")
        response = await http.post(url, json={}, headers=headers)

    assert response.status_code == status
    assert response.json()["error"]["code"] == status


@pytest.mark.parametrize("model", ["gemini-1.0-pro-vision", "imagen-4.0-generate-001"])
async def test_a_model_that_does_not_have_the_method_is_not_found(
    simulator: str, model: str
) -> None:
    error = await refused(simulator, model=model)

    assert (error.code, error.status) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("model", "config"),
    [
        (MODEL, asked(ratio="1:8")),
        (MODEL, asked(ratio="7:5")),
        (MODEL, asked(size="2K")),
        ("gemini-3-pro-image", asked(size="512")),
        ("gemini-3-pro-image", asked(size="2k")),
        ("gemini-nano-banana-2.1", asked(size="512")),
        ("gemini-2.5-flash-image", asked(size="1K")),
        ("gemini-2.5-flash-image", asked(thinking_config={"include_thoughts": True})),
        (MODEL, asked(candidate_count=2)),
        (MODEL, asked(temperature=3)),
        (MODEL, asked(seed=2**31)),
        (MODEL, asked(max_output_tokens=100_000)),
        (MODEL, asked(response_modalities=["AUDIO"])),
    ],
    ids=str,
)
async def test_a_value_that_the_model_does_not_take_is_an_invalid_argument(
    simulator: str, model: str, config: types.GenerateContentConfig
) -> None:
    error = await refused(simulator, model=model, config=config)

    assert (error.code, error.status) == (400, "INVALID_ARGUMENT")


async def test_too_many_images_in_a_prompt_are_refused(simulator: str) -> None:
    reference = types.Part.from_bytes(data=small_file(8, 8), mime_type="image/png")

    async with gemini(simulator) as client:
        with pytest.raises(ClientError, match="at most 3"):
            await client.models.generate_content(
                model="gemini-2.5-flash-image", contents=types.Content(parts=[reference] * 4)
            )


async def test_a_file_that_is_not_an_image_is_refused(simulator: str) -> None:
    reference = types.Part.from_bytes(data=b"no image", mime_type="image/png")

    async with gemini(simulator) as client:
        with pytest.raises(ClientError, match="Unable to process input image"):
            await client.models.generate_content(model=MODEL, contents=reference)
