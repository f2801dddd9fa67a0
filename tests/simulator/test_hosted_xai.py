"""The simulated xAI, asked by xai-sdk through its gRPC service, and by OpenAI's client."""

import base64
import io
from collections.abc import AsyncIterator
from typing import Any, get_args

import grpc
import httpx2
import pytest
from openai import AsyncOpenAI
from PIL import Image
from xai_sdk import AsyncClient
from xai_sdk.types import ImageAspectRatio, ImageQuality, ImageResolution

from tests.simulator.servers import png
from tests.simulator.xai_bridge import RATIO, bridged, ratio
from tintype_simulator.hosted.xai import MODELS, RATIOS
from tintype_testing.http import http_client
from tintype_testing.simulators import opened

MODEL = "grok-imagine-image"
NEWEST = "grok-imagine-image-2.0"
PHOTO = Image.new("RGB", (96, 64), "teal")


def data_url(image: Image.Image) -> str:
    return f"data:image/png;base64,{base64.b64encode(png(image)).decode()}"


@pytest.fixture
async def sdk(simulator: str) -> AsyncIterator[AsyncClient]:
    """xAI's own client."""
    async with bridged(f"{simulator}/hosted/xai") as address:
        metadata = (("authorization", "Bearer key"),)
        client = AsyncClient(
            api_key="key", api_host=address, use_insecure_channel=True, metadata=metadata
        )
        yield client
        await client.close()


@pytest.fixture
async def rest(simulator: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the REST API, with a key."""
    headers = {"authorization": "Bearer key"}
    url = f"{simulator}/hosted/xai/v1/images/"
    async with http_client(base_url=url, headers=headers) as client:
        yield client


async def ask(rest: httpx2.AsyncClient, path: str = "generations", **fields: Any) -> Any:
    return await rest.post(path, json={"model": MODEL, "prompt": "a red fox"} | fields)


async def test_the_sdk_gets_an_image_of_its_ratio_and_its_cost(sdk: AsyncClient) -> None:
    made = await sdk.image.sample(
        "a red fox", MODEL, image_format="base64", aspect_ratio="16:9", resolution="1k"
    )

    image = opened(await made.image)
    assert (image.format, image.size) == ("JPEG", (1360, 768))
    assert made.cost_usd == pytest.approx(0.02)
    assert made.respect_moderation


async def test_the_sdk_downloads_an_image_by_its_url(sdk: AsyncClient) -> None:
    made = await sdk.image.sample("a red fox", MODEL, aspect_ratio="20:9")

    assert opened(await made.image).size == (1520, 688)


async def test_the_sdk_edits_one_image_which_keeps_its_shape(sdk: AsyncClient) -> None:
    made = await sdk.image.sample(
        "a red fox", MODEL, image_format="base64", image_url=data_url(PHOTO), aspect_ratio="1:1"
    )

    assert opened(await made.image).size == (1248, 832)
    assert made.cost_usd == pytest.approx(0.022)


async def test_the_sdk_edits_three_images_at_a_ratio_and_a_quality(sdk: AsyncClient) -> None:
    made = await sdk.image.sample(
        "a red fox",
        NEWEST,
        image_format="base64",
        image_urls=[data_url(PHOTO)] * 3,
        aspect_ratio="1:1",
        quality="low",
    )

    assert opened(await made.image).size == (1024, 1024)


async def test_the_sdk_tells_blocked_images_from_the_others(sdk: AsyncClient) -> None:
    shown, blocked = await sdk.image.sample_batch(
        "a half-flagged fox", MODEL, 2, image_format="base64"
    )

    assert (shown.respect_moderation, blocked.respect_moderation) == (True, False)
    with pytest.raises(ValueError, match="did not respect moderation"):
        _ = blocked.base64


async def test_a_prompt_that_is_blocked_is_an_error_of_the_sdk(sdk: AsyncClient) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await sdk.image.sample("a forbidden fox", MODEL)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "content moderation" in caught.value.details()


def test_the_words_are_those_of_the_sdk_and_its_protocol_buffers() -> None:
    known = {ratio(value) for value in RATIO.values() if value}

    assert known == RATIOS == {*get_args(ImageAspectRatio), "auto"}
    assert {*get_args(ImageResolution)} <= {*MODELS[NEWEST].ticks}
    assert {*get_args(ImageQuality)} == MODELS[NEWEST].qualities


async def test_openais_client_gets_images_in_base64(simulator: str) -> None:
    url = f"{simulator}/hosted/xai/v1"
    async with AsyncOpenAI(base_url=url, api_key="key", max_retries=0) as client:
        made = await client.images.generate(
            model=MODEL, prompt="a red fox", n=2, response_format="b64_json"
        )

    assert made.data is not None
    images = [base64.b64decode(entry.b64_json or "") for entry in made.data]
    assert [Image.open(io.BytesIO(file)).size for file in images] == [(1024, 1024)] * 2


@pytest.mark.parametrize("name", ["size", "style"])
async def test_fields_of_openai_are_refused(rest: httpx2.AsyncClient, name: str) -> None:
    response = await ask(rest, **{name: "1024x1024"})

    assert response.status_code == 400
    assert response.json()["error"] == f"Argument not supported: {name}"


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"aspect_ratio": "5:4"}, 422, "aspect_ratio"),
        ({"resolution": "4k"}, 422, "resolution"),
        ({"resolution": "1.5k"}, 422, "resolution"),
        ({"quality": "low"}, 400, "quality"),
        ({"model": NEWEST, "quality": "high"}, 400, "quality"),
        ({"n": 11}, 400, "n must be"),
        ({"n": True}, 400, "n must be"),
        ({"prompt": ""}, 400, "Prompt"),
        ({"model": "grok-2-image"}, 404, "does not exist"),
    ],
)
async def test_what_the_model_does_not_take_is_refused(
    rest: httpx2.AsyncClient, fields: dict[str, Any], status: int, words: str
) -> None:
    response = await ask(rest, **fields)

    assert response.status_code == status
    assert words in response.text


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"image": {"url": "https://example.com/fox.png"}},
        {"image": {"url": "data:image/png;base64,AAAA"}},
        {"image": "AAAA"},
        {"images": []},
        {"images": [{"url": data_url(PHOTO)}] * 4},
        {"image": {"url": data_url(PHOTO)}, "images": [{"url": data_url(PHOTO)}]},
    ],
)
async def test_an_edit_needs_one_to_three_images(
    rest: httpx2.AsyncClient, fields: dict[str, Any]
) -> None:
    assert (await ask(rest, "edits", **fields)).status_code == 400


async def test_an_input_image_that_is_blocked_is_charged_with_the_request(
    rest: httpx2.AsyncClient,
) -> None:
    image = {"url": data_url(Image.new("RGB", (64, 64), "magenta"))}

    response = await ask(rest, "edits", image=image)

    assert response.status_code == 400
    assert response.json()["usage"] == {"cost_in_usd_ticks": 220_000_000}


@pytest.mark.parametrize(
    ("authorization", "status"), [("Bearer invalid-key", 400), ("", 401), ("Basic key", 401)]
)
async def test_a_wrong_key_is_a_bad_request_and_none_is_unauthorized(
    rest: httpx2.AsyncClient, authorization: str, status: int
) -> None:
    rest.headers["authorization"] = authorization

    assert (await ask(rest)).status_code == status


async def test_a_body_that_is_not_json_is_refused(rest: httpx2.AsyncClient) -> None:
    assert (await rest.post("generations", content=b"{")).status_code == 400


async def test_a_file_that_is_not_stored_is_not_found(simulator: str) -> None:
    async with http_client() as http:
        assert (await http.get(f"{simulator}/hosted/xai/files/none")).status_code == 404
