"""The simulated Azure OpenAI, judged by the `openai` SDK: as `AzureOpenAI`, and by `/openai/v1`."""

import io
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI

from tests.simulator.edited import photo
from tests.simulator.servers import SIZE, png
from tintype_simulator.hosted.azure import DEPLOYMENTS
from tintype_testing.http import http_client
from tintype_testing.recording_simulator import recording_simulator
from tintype_testing.simulators import file_of, opened

VERSION = "2025-04-01-preview"


@pytest.fixture
async def classic(simulator: str) -> AsyncIterator[AsyncAzureOpenAI]:
    """The SDK's client of the paths of deployments, with the key of the resource."""
    async with AsyncAzureOpenAI(
        azure_endpoint=f"{simulator}/hosted/azure",
        api_key="key",
        api_version=VERSION,
        max_retries=0,
    ) as client:
        yield client


@pytest.fixture
async def v1(simulator: str) -> AsyncIterator[AsyncOpenAI]:
    """The SDK's client of `/openai/v1`, whose key is sent as a bearer token is."""
    async with AsyncOpenAI(
        base_url=f"{simulator}/hosted/azure/openai/v1/", api_key="token", max_retries=0
    ) as client:
        yield client


@pytest.fixture(params=["classic", "v1"])
def client(request: pytest.FixtureRequest) -> AsyncOpenAI:
    """Each of both clients."""
    client: AsyncOpenAI = request.getfixturevalue(request.param)
    return client


async def refused(client: AsyncOpenAI, **fields: Any) -> openai.APIStatusError:
    asked = {"model": "gpt-image-1-mini", "prompt": "a red fox"} | fields
    with pytest.raises(openai.APIStatusError) as raised:
        await client.images.generate(**asked)
    return raised.value


async def post(simulator: str, path: str, **headers: str) -> httpx2.Response:
    async with http_client(base_url=f"{simulator}/hosted/azure") as http:
        body = {"model": "gpt-image-1-mini", "prompt": "a red fox", "quality": "low"}
        return await http.post(
            path, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
async def test_every_deployment_paints(client: AsyncOpenAI, deployment: str) -> None:
    response = await client.images.generate(
        model=deployment, prompt="a red fox", size="1024x1024", output_format="jpeg", quality="low"
    )

    assert response.data is not None
    image = opened(file_of(response.data[0]))
    assert (image.format, image.size) == ("JPEG", (1024, 1024))
    assert response.usage is not None
    assert response.usage.output_tokens > 0


async def test_the_quality_is_high_by_default(v1: AsyncOpenAI) -> None:
    response = await v1.images.generate(model="gpt-image-1-mini", prompt="a red fox")
    assert response.quality == "high"


async def test_images_are_edited(client: AsyncOpenAI) -> None:
    one, two = (io.BytesIO(png(photo(SIZE))) for _ in range(2))
    one.name = two.name = "photo.png"

    response = await client.images.edit(
        model="gpt-image-1", prompt="a red fox", image=[one, two], quality="low"
    )

    assert response.data is not None
    assert opened(file_of(response.data[0])).format == "PNG"


async def test_previews_are_streamed(client: AsyncOpenAI) -> None:
    stream = await client.images.generate(
        model="gpt-image-1-mini", prompt="a red fox", quality="low", stream=True, partial_images=2
    )
    types = [event.type async for event in stream]
    assert types == [*["image_generation.partial_image"] * 2, "image_generation.completed"]


async def test_the_sdk_uses_the_path_of_the_deployment_and_the_header_of_azure() -> None:
    async with (
        recording_simulator() as recording,
        AsyncAzureOpenAI(
            azure_endpoint=f"{recording.url}/hosted/azure", api_key="key", api_version=VERSION
        ) as client,
    ):
        await client.images.generate(model="gpt-image-1-mini", prompt="a red fox", quality="low")

    [call] = recording.calls
    assert call.path == "/hosted/azure/openai/deployments/gpt-image-1-mini/images/generations"
    assert call.headers["api-key"] == "key"


@pytest.mark.parametrize(
    "fields",
    [
        {"output_format": "webp"},
        {"moderation": "low"},
        {"response_format": "b64_json"},
        {"size": "100x100"},
    ],
)
async def test_what_azure_does_not_take_is_refused(v1: AsyncOpenAI, fields: dict[str, Any]) -> None:
    error = await refused(v1, **fields)
    assert error.status_code == 400


async def test_a_forbidden_prompt_is_filtered_in_azures_words(client: AsyncOpenAI) -> None:
    error = await refused(client, prompt="something forbidden")

    assert (error.status_code, error.code) == (400, "contentFilter")
    assert error.message.startswith("Error code: 400")
    assert error.response.json()["created"] > 0


async def test_an_unknown_deployment_is_not_found(client: AsyncOpenAI) -> None:
    error = await refused(client, model="gpt-image-9")
    assert (error.status_code, error.code) == (404, "DeploymentNotFound")


async def test_a_token_of_entra_is_a_credential(simulator: str) -> None:
    async with AsyncAzureOpenAI(
        azure_endpoint=f"{simulator}/hosted/azure",
        azure_ad_token="entra-token",
        api_version=VERSION,
        max_retries=0,
    ) as client:
        response = await client.images.generate(
            model="gpt-image-1-mini", prompt="a red fox", quality="low"
        )
    assert response.data


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"api_key": "invalid"},
        {"authorization": "Bearer expired"},
        {"authorization": "Basic token"},
    ],
)
async def test_a_call_without_a_good_credential_is_refused(
    simulator: str, headers: dict[str, str]
) -> None:
    response = await post(simulator, "/openai/v1/images/generations", **headers)

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "401"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/openai/v1/images/generations?api-version=preview", 200),
        (f"/openai/v1/images/generations?api-version={VERSION}", 404),
        ("/openai/deployments/gpt-image-1-mini/images/generations", 404),
        ("/openai/deployments/gpt-image-1-mini/images/generations?api-version=preview", 404),
    ],
)
async def test_each_path_has_its_versions(simulator: str, path: str, status: int) -> None:
    assert (await post(simulator, path, api_key="key")).status_code == status


async def test_every_response_has_the_id_of_azures_front_end(simulator: str) -> None:
    response = await post(simulator, "/openai/v1/images/generations", api_key="key")
    assert response.headers["apim-request-id"] != response.headers["x-request-id"]
