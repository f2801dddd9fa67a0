"""The bodies that Imagen takes through the Gemini API, where google-genai sends none any more."""

import base64

import httpx2
import pytest

from tintype_testing.http import http_client
from tintype_testing.simulators import opened

STANDARD, FAST = "imagen-4.0-generate-001", "imagen-4.0-fast-generate-001"


async def post(simulator: str, version: str, body: object, model: str = FAST) -> httpx2.Response:
    async with http_client() as http:
        return await http.post(
            f"{simulator}/{version}/models/{model}:predict",
            json=body,
            headers={"x-goog-api-key": "key"},
        )


@pytest.mark.parametrize("version", ["v1", "v1beta"])
@pytest.mark.parametrize("spelling", ["sampleCount", "sample_count"])
async def test_the_gemini_api_accepts_both_spellings(
    simulator: str, version: str, spelling: str
) -> None:
    body = {"instances": [{"prompt": "a red fox"}], "parameters": {spelling: 1}}

    response = await post(simulator, version, body)

    [entry] = response.json()["predictions"]
    assert set(entry) == {"mimeType", "bytesBase64Encoded"}
    assert opened(base64.b64decode(entry["bytesBase64Encoded"])).size == (1024, 1024)


async def test_filtered_images_leave_an_empty_object(simulator: str) -> None:
    response = await post(simulator, "v1beta", {"instances": [{"prompt": "a flagged fox"}]})

    assert (response.status_code, response.json()) == (200, {})


async def test_the_size_may_have_the_name_of_the_documentation(simulator: str) -> None:
    parameters = {"sampleCount": 1, "imageSize": "2K"}
    body = {"instances": [{"prompt": "a red fox"}], "parameters": parameters}

    response = await post(simulator, "v1beta", body, STANDARD)

    [entry] = response.json()["predictions"]
    assert opened(base64.b64decode(entry["bytesBase64Encoded"])).size == (2048, 2048)


@pytest.mark.parametrize(
    "parameters",
    [
        {"sampleCount": 0},
        {"sampleCount": 5},
        {"sampleCount": True},
        {"aspectRatio": "3:2"},
        {"sampleImageSize": "2K"},
        {"sampleImageSize": "1k"},
        {"personGeneration": "everybody"},
        {"safetySetting": "BLOCK_NONE"},
        {"outputOptions": {"mimeType": "image/webp"}},
        {"outputOptions": {"compressionQuality": 101}},
        {"negativePrompt": "snow"},
        {"seed": 4},
        {"addWatermark": False},
        {"storageUri": "gs://bucket"},
        {"sampleSize": 1},
        {"guidanceScale": "7"},
        [],
    ],
    ids=str,
)
async def test_a_parameter_that_the_gemini_api_does_not_take_is_refused(
    simulator: str, parameters: object
) -> None:
    body = {"instances": [{"prompt": "a red fox"}], "parameters": parameters}

    response = await post(simulator, "v1beta", body)

    assert response.status_code == 400
    assert response.json()["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"instances": []},
        {"instances": [{}]},
        {"instances": [{"prompt": " "}]},
        {"instances": [{"prompt": "a"}, {"prompt": "b"}]},
        {"instances": [{"prompt": "a", "image": {}}]},
        {"instances": [{"prompt": "a"}], "labels": {}},
    ],
    ids=str,
)
async def test_a_body_without_one_prompt_is_refused(simulator: str, body: object) -> None:
    assert (await post(simulator, "v1beta", body)).status_code == 400
