"""The simulated Replicate, judged by its own SDK."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from PIL import Image
from replicate.client import Client
from replicate.exceptions import ReplicateError
from replicate.prediction import Prediction

from tests.simulator.edited import changed, is_box, photo
from tests.simulator.servers import HOLE, SIZE, png, white_hole
from tintype_simulator.hosted.replicate_models import SDXL_VERSION
from tintype_testing.http import http_client
from tintype_testing.simulators import fault
from tintype_testing.waiting import eventually_equal

SCHNELL = "black-forest-labs/flux-schnell"
KONTEXT = "black-forest-labs/flux-kontext-pro"

SMALL = {"width": 96, "height": 64}


@pytest.fixture
async def client(simulator: str) -> AsyncIterator[Client]:
    """Replicate's own client, which asks the simulator."""
    client = Client("r8_token", base_url=f"{simulator}/hosted/replicate")
    client.poll_interval = 0.02
    async with client._async_client:  # it has no way of its own to close it
        yield client


def asked(prompt: str = "a red fox", **fields: Any) -> dict[str, Any]:
    """Return the input of SDXL for a small image."""
    return {"prompt": prompt} | SMALL | fields


def data_url(image: Image.Image) -> str:
    """Return an image as a data URL."""
    return f"data:image/png;base64,{base64.b64encode(png(image)).decode()}"


async def created(client: Client, prompt: str = "a red fox", **given: Any) -> Prediction:
    """Return a new prediction of SDXL."""
    fields = asked(prompt, **given)
    return await client.predictions.async_create(version=SDXL_VERSION, input=fields)


async def ended(client: Client, prompt: str = "a red fox", **given: Any) -> Prediction:
    """Return a prediction of SDXL that has ended."""
    prediction = await created(client, prompt, **given)
    await prediction.async_wait()
    return prediction


async def image_of(url: str) -> Image.Image:
    """Return the image at a URL, which is fetched without a token."""
    async with http_client() as http:
        response = await http.get(url)
    assert response.status_code == 200
    return Image.open(io.BytesIO(response.content))


async def test_a_version_has_a_list_of_images(client: Client) -> None:
    prediction = await ended(client, num_outputs=2)

    assert (prediction.status, prediction.version) == ("succeeded", SDXL_VERSION)
    assert prediction.output is not None
    one, two = [await image_of(url) for url in prediction.output]
    assert (one.format, one.size) == ("PNG", (96, 64))
    assert one.tobytes() != two.tobytes()


async def test_a_prediction_says_how_long_its_model_ran(client: Client) -> None:
    prediction = await ended(client)

    assert prediction.metrics is not None
    assert prediction.metrics["predict_time"] > 0


async def test_a_model_is_created_by_its_name(client: Client) -> None:
    fields = {"prompt": "a red fox", "aspect_ratio": "16:9", "megapixels": "0.25"}

    prediction = await client.models.predictions.async_create(SCHNELL, fields)
    await prediction.async_wait()

    assert prediction.output is not None
    [url] = prediction.output
    image = await image_of(url)
    assert (image.format, image.size) == ("WEBP", (672, 384))


async def test_a_deployment_is_created_by_its_name(client: Client) -> None:
    fields = {"prompt": "a red fox", "megapixels": "0.25"}

    prediction = await client.deployments.predictions.async_create("tintype/flux", fields)
    await prediction.async_wait()

    assert (prediction.model, prediction.status) == (SCHNELL, "succeeded")


async def test_a_model_of_one_image_has_no_list(client: Client) -> None:
    fields = {"prompt": "a red fox", "input_image": data_url(photo(SIZE))}

    output = await client.async_run(KONTEXT, fields, wait=False)

    assert isinstance(output, str)
    assert (await image_of(output)).size == SIZE


async def test_a_creation_may_wait_for_the_end(client: Client) -> None:
    prediction = await client.predictions.async_create(version=SDXL_VERSION, input=asked(), wait=20)

    assert prediction.status == "succeeded"


async def test_a_creation_waits_no_longer_than_it_prefers(client: Client) -> None:
    prediction = await client.predictions.async_create(
        version=SDXL_VERSION, input=asked("an endless-task"), wait=1
    )

    assert prediction.status == "processing"


@pytest.mark.parametrize(
    ("prompt", "status"), [("a stuck-task", "starting"), ("an endless-task", "processing")]
)
async def test_a_prediction_can_be_cancelled(client: Client, prompt: str, status: str) -> None:
    prediction = await created(client, prompt)
    assert prediction.status == status

    await prediction.async_cancel()

    assert prediction.status == "canceled"
    assert (await client.predictions.async_get(prediction.id)).status == "canceled"


async def test_a_client_without_asyncio_waits_and_cancels(client: Client) -> None:
    def used() -> tuple[str, str]:
        with client._client:  # it has no way of its own to close it
            made = client.predictions.create(version=SDXL_VERSION, input=asked())
            made.wait()
            endless = client.predictions.create(
                version=SDXL_VERSION, input=asked("an endless-task")
            )
            endless.cancel()
            return made.status, endless.status

    assert await asyncio.to_thread(used) == ("succeeded", "canceled")


@pytest.mark.parametrize(
    ("prompt", "status"), [("a stuck-task", "aborted"), ("an endless-task", "canceled")]
)
async def test_a_deadline_aborts_what_has_not_begun(
    simulator: str, prompt: str, status: str
) -> None:
    headers = {"Authorization": "Bearer r8", "Cancel-After": "0s"}
    async with http_client(base_url=f"{simulator}/hosted/replicate/v1", headers=headers) as http:
        document = {"version": SDXL_VERSION, "input": asked(prompt)}
        made = (await http.post("/predictions", json=document)).json()

        async def state() -> Any:
            return (await http.get(made["urls"]["get"])).json()["status"]

        await eventually_equal(state, status)


async def test_what_is_white_in_a_mask_is_painted(client: Client) -> None:
    images = {"image": data_url(photo(SIZE)), "mask": data_url(white_hole())}

    prediction = await ended(client, **images)

    assert prediction.output is not None
    assert is_box(changed(photo(SIZE), await image_of(prediction.output[0])), HOLE)


@pytest.mark.parametrize("prompt", ["a forbidden fox", "a flagged fox"])
async def test_refused_content_fails_with_words_about_it(client: Client, prompt: str) -> None:
    prediction = await ended(client, prompt)

    assert prediction.status == "failed"
    assert "NSFW" in (prediction.error or "")


async def test_a_broken_prediction_fails(client: Client) -> None:
    prediction = await ended(client, "a broken-task")

    assert (prediction.status, prediction.output) == ("failed", None)


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"num_outputs": 5}, "num_outputs"), ({"guidance_scale": "strong"}, "guidance_scale")],
)
async def test_a_bad_field_creates_no_prediction(
    client: Client, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(ReplicateError) as caught:
        await created(client, **fields)

    assert caught.value.status == 422
    assert f"input.{field}" in (caught.value.detail or "")


async def test_unknown_models_versions_and_predictions_are_refused(
    client: Client,
) -> None:
    calls = [
        client.models.predictions.async_create("nobody/nothing", {"prompt": "x"}),
        client.deployments.predictions.async_create("nobody/nothing", {"prompt": "x"}),
        client.predictions.async_create(version="0" * 64, input={"prompt": "x"}),
        client.predictions.async_get("nothing"),
    ]

    errors = await asyncio.gather(*calls, return_exceptions=True)

    assert [error.status for error in errors if isinstance(error, ReplicateError)] == [
        *(404, 404, 422, 404)
    ]


async def test_a_token_is_needed(simulator: str) -> None:
    async with http_client(headers={"Authorization": "Key r8"}) as http:
        response = await http.post(f"{simulator}/hosted/replicate/v1/predictions", json={})

    assert (response.status_code, response.json()["title"]) == (401, "Unauthenticated")


async def test_an_error_can_be_scripted(simulator: str) -> None:
    headers = {"Authorization": "Bearer r8", **fault(error="replicate/insufficient_credit")}
    async with http_client(headers=headers) as http:
        response = await http.post(f"{simulator}/hosted/replicate/v1/predictions", json={})

    assert response.status_code == 402
