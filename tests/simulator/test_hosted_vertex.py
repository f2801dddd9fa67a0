"""Vertex AI by itself, asked by google-genai in its Vertex mode."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from google.genai import Client, types
from google.genai.client import AsyncClient
from google.genai.errors import APIError, ClientError
from google.oauth2.credentials import Credentials

from tests.simulator.genai import (
    FLASH,
    OLDER,
    PRO,
    QUIET,
    asked,
    files_in,
    image_in,
    image_of,
    images_in,
    small_file,
    with_fault,
)
from tintype_simulator.hosted.vertex import VERTEX_ERRORS
from tintype_testing.http import http_client
from tintype_testing.simulators import fault, opened, requests_received

pytestmark = QUIET

IMAGEN = "imagen-4.0-fast-generate-001"
SMALL = asked(ratio="1:1", size="512")


def configured(
    simulator: str, location: str, token: str, project: str, quota_project: str | None
) -> Client:
    """Return the client of a project in a location."""
    return Client(
        vertexai=True,
        project=project,
        location=location,
        credentials=Credentials(token, quota_project_id=quota_project),  # type: ignore[no-untyped-call]
        http_options=types.HttpOptions(base_url=f"{simulator}/hosted/vertex"),
    )


@asynccontextmanager
async def client_of(
    simulator: str,
    location: str = "global",
    token: str = "ya29.token",  # noqa: S107  # the simulator knows it
    project: str = "studio",
    quota_project: str | None = None,
) -> AsyncIterator[AsyncClient]:
    async with configured(simulator, location, token, project, quota_project).aio as client:
        yield client


async def refused(simulator: str, model: str = FLASH, **fields: str) -> APIError:
    """Return the error of a request."""
    async with client_of(simulator, **fields) as client:
        with pytest.raises(APIError) as raised:
            await client.models.generate_content(model=model, contents="a fox", config=SMALL)
    return raised.value


async def test_gemini_paints_for_the_vertex_mode_of_googles_client(simulator: str) -> None:
    async with client_of(simulator) as client:
        response = await client.models.generate_content(model=FLASH, contents="a fox", config=SMALL)

    assert image_in(response).size == (512, 512)
    [received] = await requests_received(simulator)
    folder = "projects/studio/locations/global/publishers/google/models"
    assert received["path"] == f"/hosted/vertex/v1beta1/{folder}/{FLASH}:generateContent"


async def test_gemini_streams_its_parts(simulator: str) -> None:
    async with client_of(simulator) as client:
        stream = await client.models.generate_content_stream(
            model=FLASH, contents="a fox with-thoughts", config=SMALL
        )
        responses = [response async for response in stream]

    [file] = [file for response in responses for file in files_in(response)]
    assert opened(file).size == (512, 512)
    assert len(responses) == 4


async def test_gemini_takes_images_with_its_prompt(simulator: str) -> None:
    image = types.Part.from_bytes(data=small_file(64, 64), mime_type="image/png")
    prompt = types.Part.from_text(text="add a hat")
    async with client_of(simulator) as client:
        response = await client.models.generate_content(
            model=FLASH, contents=types.Content(role="user", parts=[image, prompt]), config=SMALL
        )

    assert image_in(response).size == (512, 512)
    assert response.usage_metadata is not None
    assert [each.modality for each in response.usage_metadata.prompt_tokens_details or ()] == [
        types.MediaModality.TEXT,
        types.MediaModality.IMAGE,
    ]


async def test_imagen_paints_in_a_region(simulator: str) -> None:
    config = types.GenerateImagesConfig(number_of_images=2)
    async with client_of(simulator, "us-central1") as client:
        response = await client.models.generate_images(model=IMAGEN, prompt="a fox", config=config)

    assert [image_of(entry).size for entry in images_in(response)] == [(1024, 1024)] * 2


async def test_the_synchronous_client_is_served_as_well(simulator: str) -> None:
    def once() -> types.GenerateContentResponse:
        with configured(simulator, "eu", "token", "studio", None) as client:
            return client.models.generate_content(model=FLASH, contents="a fox", config=SMALL)

    assert image_in(await asyncio.to_thread(once)).size == (512, 512)


@pytest.mark.parametrize(
    ("model", "location"),
    [(FLASH, "us-central1"), (PRO, "europe-west4"), (OLDER, "atlantis-east1"), (OLDER, "us")],
)
async def test_a_model_is_not_found_in_a_location_that_does_not_have_it(
    simulator: str, model: str, location: str
) -> None:
    error = await refused(simulator, model, location=location)

    assert (error.code, error.status) == (404, "NOT_FOUND")
    assert f"locations/{location}/publishers/google/models/{model}" in str(error.message)


async def test_imagen_has_no_global_location(simulator: str) -> None:
    async with client_of(simulator) as client:
        with pytest.raises(ClientError, match="was not found"):
            await client.models.generate_images(model=IMAGEN, prompt="a fox")


@pytest.mark.parametrize(
    ("token", "reason"),
    [("invalid-1", "ACCESS_TOKEN_TYPE_UNSUPPORTED"), ("expired-1", "ACCESS_TOKEN_EXPIRED")],
)
async def test_a_token_must_be_valid(simulator: str, token: str, reason: str) -> None:
    error = await refused(simulator, token=token)

    assert (error.code, error.status) == (401, "UNAUTHENTICATED")
    assert error.details["error"]["details"][0]["reason"] == reason


@pytest.mark.parametrize("fields", [{"project": "denied-1"}, {"quota_project": "denied-1"}])
async def test_a_project_must_be_allowed(simulator: str, fields: dict[str, str]) -> None:
    error = await refused(simulator, **fields)

    assert (error.code, error.status) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("headers", "role", "status", "message"),
    [
        ({}, "user", 401, "Expected OAuth 2 access token"),
        ({"x-goog-api-key": "key"}, "user", 401, "Expected OAuth 2 access token"),
        ({"Authorization": "Basic key"}, "user", 401, "Expected OAuth 2 access token"),
        ({"Authorization": "Bearer token"}, None, 400, "Please use a valid role"),
        ({"Authorization": "Bearer token"}, "system", 400, "Please use a valid role"),
    ],
)
async def test_a_call_needs_a_token_and_each_content_a_role(
    simulator: str, headers: dict[str, str], role: str | None, status: int, message: str
) -> None:
    folder = "/hosted/vertex/v1/projects/studio/locations/global/publishers/google/models"
    content = {"parts": [{"text": "a fox"}], "role": role}
    async with http_client(base_url=simulator) as http:
        response = await http.post(
            f"{folder}/{FLASH}:generateContent", json={"contents": [content]}, headers=headers
        )

    assert response.status_code == status
    assert message in response.json()["error"]["message"]


@pytest.mark.parametrize("name", VERTEX_ERRORS)
async def test_each_row_is_an_error_that_googles_client_knows(simulator: str, name: str) -> None:
    async with client_of(simulator) as client:
        with pytest.raises(APIError) as raised:
            await client.models.generate_content(
                model=FLASH, contents="a fox", config=with_fault(fault(error=f"vertex/{name}"))
            )

    expected = VERTEX_ERRORS[name]
    assert (raised.value.code, raised.value.status) == (expected.code, expected.status)


async def test_a_429_does_not_say_when_to_try_again(simulator: str) -> None:
    folder = "/hosted/vertex/v1/projects/studio/locations/global/publishers/google/models"
    headers = {"Authorization": "Bearer token", **fault(error="vertex/RESOURCE_EXHAUSTED")}
    async with http_client(base_url=simulator) as http:
        response = await http.post(f"{folder}/{FLASH}:generateContent", json={}, headers=headers)

    assert response.status_code == 429
    assert "retry-after" not in response.headers
    assert "details" not in response.json()["error"]
