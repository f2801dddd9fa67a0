"""The list of Google's models, which has its address in common with OpenAI's."""

import pytest
from google.genai.errors import ClientError
from openai import AsyncOpenAI

from tests.simulator.genai import QUIET, gemini
from tintype_simulator.google.routes import LISTED
from tintype_testing.http import http_client
from tintype_testing.simulators import requests_received

pytestmark = QUIET

DEAD = {
    "imagen-4.0-generate-001",
    "imagen-4.0-fast-generate-001",
    "imagen-4.0-ultra-generate-001",
    "imagen-3.0-generate-002",
    "gemini-2.5-flash-image-preview",
    "gemini-3-pro-image-preview",
    "gemini-3.1-flash-image-preview",
}


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_retired_models_are_listed_with_the_others(simulator: str, version: str) -> None:
    async with gemini(simulator, api_version=version) as client:
        names = {model.name async for model in await client.models.list()}

    assert names == {f"models/{name}" for name in LISTED}
    assert {f"models/{name}" for name in DEAD} < names


async def test_the_last_page_of_the_list_names_no_other(simulator: str) -> None:
    async with gemini(simulator) as client:
        names = [model.name async for model in await client.models.list(config={"page_size": 4})]

    assert names == [f"models/{name}" for name in LISTED]
    lists = [request["path"] for request in await requests_received(simulator)]
    assert lists == [
        "/v1/models?pageSize=4",
        "/v1/models?pageSize=4&pageToken=4",
        "/v1/models?pageSize=4&pageToken=8",
    ]


async def test_a_model_is_described_by_its_id(simulator: str) -> None:
    async with gemini(simulator) as client:
        model = await client.models.get(model="gemini-3.1-flash-image")

    assert model.name == "models/gemini-3.1-flash-image"
    assert model.display_name == "Nano Banana 2"
    assert (model.input_token_limit, model.output_token_limit) == (131_072, 32_768)
    assert "generateContent" in (model.supported_actions or [])


async def test_imagen_is_called_by_another_method(simulator: str) -> None:
    async with gemini(simulator) as client:
        model = await client.models.get(model="imagen-4.0-generate-001")

    assert model.supported_actions == ["predict"]


async def test_an_unknown_model_is_not_found(simulator: str) -> None:
    async with gemini(simulator) as client:
        with pytest.raises(ClientError) as refused:
            await client.models.get(model="gemini-9")

    assert (refused.value.code, refused.value.status) == (404, "NOT_FOUND")


@pytest.mark.parametrize("query", ["pageSize=few", "pageSize=-1", "pageToken=x"])
async def test_a_page_that_is_no_number_is_refused(simulator: str, query: str) -> None:
    async with http_client() as http:
        response = await http.get(f"{simulator}/v1beta/models?key=k&{query}")

    assert response.status_code == 400


async def test_the_key_decides_whose_models_are_listed(simulator: str, client: AsyncOpenAI) -> None:
    openai = {model.id async for model in client.models.list()}
    async with gemini(simulator) as other:
        google = {model.name async for model in await other.models.list()}

    assert "gpt-image-2" in openai
    assert "models/gemini-3-pro-image" in google


async def test_without_a_key_the_response_is_openais(simulator: str) -> None:
    async with http_client() as http:
        response = await http.get(f"{simulator}/v1/models")

    assert (response.status_code, response.json()["error"]["code"]) == (401, "invalid_api_key")


async def test_the_log_shows_no_keys(simulator: str) -> None:
    async with http_client() as http:
        await http.get(
            f"{simulator}/v1/models?pageSize=1&key=secret", headers={"x-goog-api-key": "secret"}
        )

    assert "secret" not in str(await requests_received(simulator))
