"""The simulated vLLM-Omni."""

import base64
import io
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI, AuthenticationError
from PIL import Image

from tests.simulator.edited import photo
from tests.simulator.servers import (
    SIZE,
    changes_all,
    changes_only_the_hole,
    edit,
    generate,
    image_of,
    images_of,
    part,
    png,
    white_hole,
)
from tintype_simulator.servers.vllm_omni import MODEL
from tintype_testing.simulators import fault, file_of, opened

SERVER = "vllm-omni"


@pytest.fixture
async def sdk(simulator: str) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's client."""
    url = f"{simulator}/servers/vllm-omni/v1"
    async with AsyncOpenAI(base_url=url, api_key="key", max_retries=0) as client:
        yield client


async def test_openais_client_gets_an_image_in_base64(sdk: AsyncOpenAI) -> None:
    response = await sdk.images.generate(model=MODEL, prompt="a red fox", size="256x256")

    assert response.data is not None
    [entry] = response.data
    assert opened(file_of(entry)).size == (256, 256)
    assert (response.size, response.usage) == ("256x256", None)


async def test_fields_of_openai_that_the_server_does_not_know_are_ignored(
    server: httpx2.AsyncClient,
) -> None:
    ignored = {"user": "u", "quality": "high", "background": "auto", "stream": True, "style": "x"}

    assert image_of(await generate(server, **ignored)).size == (64, 64)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": "gpt-image-2"}, "Model mismatch"),
        ({"size": "auto"}, "Invalid size format"),
        ({"size": "4096x4096"}, "exceeds the maximum"),
        ({"n": 11}, "from 1 to 10"),
        ({"num_inference_steps": 201}, "from 1 to 200"),
        ({"guidance_scale": 21.5}, "from 0 to 20"),
        ({"output_compression": 101}, "from 0 to 100"),
        ({"prompt": None}, "Field required"),
        ({"response_format": "url"}, "b64_json"),
    ],
)
async def test_what_the_server_refuses_is_400_in_its_own_envelope(
    server: httpx2.AsyncClient, fields: dict[str, object], words: str
) -> None:
    response = await generate(server, **fields)

    assert response.status_code == 400
    error = response.json()["error"]
    assert words in error["message"]
    assert (error["type"], error["code"]) == ("Bad Request", 400)


async def test_a_body_that_is_not_json_is_400(server: httpx2.AsyncClient) -> None:
    response = await server.post("/v1/images/generations", content=b"{")

    assert (response.status_code, response.json()["error"]["code"]) == (400, 400)


@pytest.mark.parametrize(
    ("asked", "format"), [("png", "PNG"), ("webp", "WEBP"), ("jpg", "JPEG"), ("tiff", "JPEG")]
)
async def test_an_unknown_format_is_jpeg(
    server: httpx2.AsyncClient, asked: str, format: str
) -> None:
    assert image_of(await generate(server, output_format=asked)).format == format


async def test_the_format_file_is_the_image_itself(server: httpx2.AsyncClient) -> None:
    response = await generate(server, response_format="file")

    assert response.headers["content-type"] == "image/png"
    assert opened(response.content).size == (64, 64)


async def test_several_files_are_a_zip_archive(server: httpx2.AsyncClient) -> None:
    response = await generate(server, response_format="file", n=2)

    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert len(archive.namelist()) == 2


async def test_a_seed_repeats_an_image(server: httpx2.AsyncClient) -> None:
    one, two = [image_of(await generate(server, seed=7)) for _ in range(2)]

    assert one.tobytes() == two.tobytes()


async def test_without_a_seed_images_differ(server: httpx2.AsyncClient) -> None:
    one, two = [image_of(await generate(server)) for _ in range(2)]

    assert one.tobytes() != two.tobytes()


async def test_the_white_of_a_mask_image_changes(server: httpx2.AsyncClient) -> None:
    response = await edit(server, files={"mask_image": part(white_hole())})

    assert changes_only_the_hole(photo(SIZE), image_of(response))


async def test_a_mask_image_may_be_a_data_url(server: httpx2.AsyncClient) -> None:
    url = f"data:image/png;base64,{base64.b64encode(png(white_hole())).decode()}"

    response = await edit(server, mask_image=url)

    assert changes_only_the_hole(photo(SIZE), image_of(response))


async def test_a_part_named_mask_is_ignored(server: httpx2.AsyncClient) -> None:
    response = await edit(server, files={"mask": part(white_hole())})

    assert changes_all(photo(SIZE), image_of(response))


async def test_an_edit_has_the_size_of_its_image(server: httpx2.AsyncClient) -> None:
    assert image_of(await edit(server, size="auto")).size == SIZE
    assert image_of(await edit(server, size="64x32")).size == (64, 32)


async def test_openais_client_edits_several_images(sdk: AsyncOpenAI) -> None:
    images = [part(photo(SIZE)), part(Image.new("RGB", SIZE, "red"))]

    response = await sdk.images.edit(model=MODEL, prompt="a red fox", image=images, n=2)

    assert response.data is not None
    assert len(response.data) == 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"stream": "true"}, "multi-stage"),
        ({"response_format": "url"}, "b64_json"),
        ({"mask_image": "http://10.0.0.1/mask.png"}, "Failed to load image"),
        ({"n": "many"}, "from 1 to 10"),
    ],
)
async def test_what_the_server_refuses_in_an_edit(
    server: httpx2.AsyncClient, fields: dict[str, Any], words: str
) -> None:
    response = await edit(server, **fields)

    assert response.status_code == 400
    assert words in response.json()["error"]["message"]


async def test_an_edit_in_json_is_refused(server: httpx2.AsyncClient) -> None:
    response = await server.post("/v1/images/edits", json={"prompt": "a red fox"})

    assert response.status_code == 400


async def test_more_images_than_the_model_takes_are_refused(server: httpx2.AsyncClient) -> None:
    files = [("image[]", part(photo(SIZE)))] * 5

    response = await server.post("/v1/images/edits", data={"prompt": "a fox"}, files=files)

    assert "At most 4" in response.json()["error"]["message"]


async def test_a_file_that_is_no_image_is_refused(server: httpx2.AsyncClient) -> None:
    response = await edit(server, files={"image": ("a.png", b"text", "image/png")})

    assert (response.status_code, response.json()["error"]["param"]) == (400, "image")


async def test_the_key_is_checked_below_v1_only(
    server: httpx2.AsyncClient, sdk: AsyncOpenAI
) -> None:
    refused = {"authorization": "Bearer invalid-key"}

    response = await server.get("/v1/models", headers=refused)

    assert (response.status_code, response.json()) == (401, {"error": "Unauthorized"})
    assert (await server.get("/health", headers=refused)).status_code == 200
    with pytest.raises(AuthenticationError):
        await sdk.with_options(api_key="invalid").models.list()


async def test_the_list_of_models_has_the_served_one(sdk: AsyncOpenAI) -> None:
    assert [model.id async for model in sdk.models.list()] == [MODEL]


async def test_a_failing_engine_names_its_stage(server: httpx2.AsyncClient) -> None:
    response = await server.post(
        "/v1/images/generations",
        json={"prompt": "a red fox"},
        headers=fault(error="vllm-omni/engine_error"),
    )

    assert response.status_code == 500
    assert response.json()["error"]["error_stage_id"] == 0


async def test_several_images_are_different(server: httpx2.AsyncClient) -> None:
    one, two = images_of(await generate(server, n=2, seed=1))

    assert one.tobytes() != two.tobytes()
