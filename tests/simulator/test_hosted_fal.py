"""The simulated fal, judged by fal-client."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from typing import Any

import fal_client
import pytest
from PIL import Image

from tests.simulator.edited import changed, is_box, photo
from tests.simulator.servers import HOLE, SIZE, png, white_hole
from tintype_testing.http import http_client
from tintype_testing.simulators import fault

SCHNELL = "fal-ai/flux/schnell"
FILL = "fal-ai/flux-pro/v1/fill"

SMALL = {"width": 96, "height": 64}


@pytest.fixture
async def fal(
    simulator: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[fal_client.AsyncClient]:
    """fal's own client, which asks the simulator."""
    monkeypatch.setattr(fal_client.client, "QUEUE_URL_FORMAT", f"{simulator}/hosted/fal/")
    client = fal_client.AsyncClient(key="key-id:key-secret")
    yield client
    await (await client._client).aclose()  # it has no way of its own


def asked(prompt: str = "a red fox", **fields: Any) -> dict[str, Any]:
    """Return arguments for a small image."""
    return {"prompt": prompt, "image_size": SMALL, "output_format": "png"} | fields


def data_url(image: Image.Image) -> str:
    """Return an image as a data URL."""
    return f"data:image/png;base64,{base64.b64encode(png(image)).decode()}"


async def image_of(entry: dict[str, Any]) -> Image.Image:
    """Return the image of an entry, which is fetched without a key."""
    async with http_client() as http:
        response = await http.get(entry["url"])
    assert response.status_code == 200
    return Image.open(io.BytesIO(response.content))


async def refusal(fal: fal_client.AsyncClient, model: str, arguments: dict[str, Any]) -> Any:
    """Return the problem that a model has with its arguments."""
    with pytest.raises(fal_client.client.FalClientHTTPError) as caught:
        await fal.subscribe(model, arguments)
    assert caught.value.status_code == 422
    [problem] = caught.value.response.json()["detail"]
    return problem


async def test_a_request_has_a_result(fal: fal_client.AsyncClient) -> None:
    result = await fal.subscribe(SCHNELL, asked(num_images=2, seed=7))

    one, two = [await image_of(entry) for entry in result["images"]]
    assert (one.format, one.size) == ("PNG", (96, 64))
    assert one.tobytes() != two.tobytes()
    assert (result["seed"], result["has_nsfw_concepts"]) == (7, [False, False])


@pytest.mark.usefixtures("fal")
async def test_the_client_without_asyncio_gets_the_same() -> None:
    def used() -> tuple[dict[str, Any], fal_client.Status]:
        client = fal_client.SyncClient(key="key")
        with client._client:  # it has no way of its own to close it
            handle = client.submit(SCHNELL, asked())
            return handle.get(), handle.status()

    result, status = await asyncio.to_thread(used)

    assert len(result["images"]) == 1
    assert isinstance(status, fal_client.Completed)


async def test_a_seed_repeats_an_image(fal: fal_client.AsyncClient) -> None:
    results = [await fal.subscribe(SCHNELL, asked(seed=seed)) for seed in (7, 7, 8)]

    one, two, other = [(await image_of(each["images"][0])).tobytes() for each in results]
    assert one == two
    assert one != other


async def test_statuses_lead_from_the_queue_to_the_end(fal: fal_client.AsyncClient) -> None:
    stuck = await fal.submit(SCHNELL, asked("a stuck-task"))
    endless = await fal.submit(SCHNELL, asked("an endless-task"))

    assert await stuck.status() == fal_client.Queued(position=0)
    assert isinstance(await endless.status(), fal_client.InProgress)


@pytest.mark.parametrize("prompt", ["a stuck-task", "an endless-task"])
async def test_a_request_can_be_cancelled(fal: fal_client.AsyncClient, prompt: str) -> None:
    handle = await fal.submit(SCHNELL, asked(prompt))

    await handle.cancel()

    status = await handle.status()
    assert isinstance(status, fal_client.Completed)
    assert status.error_type == "client_cancelled"


@pytest.mark.parametrize(("prompt", "code"), [("a stuck-task", 200), ("an endless-task", 202)])
async def test_a_cancellation_says_whether_the_request_ran(
    fal: fal_client.AsyncClient, prompt: str, code: int
) -> None:
    handle = await fal.submit(SCHNELL, asked(prompt))

    responses = [await handle.client.put(handle.cancel_url) for _ in range(2)]

    assert [response.status_code for response in responses] == [code, 400]


async def test_the_urls_of_a_request_lack_the_path_of_the_model(
    fal: fal_client.AsyncClient, simulator: str
) -> None:
    handle = await fal.submit(FILL, asked())

    base = f"{simulator}/hosted/fal/fal-ai/flux-pro/requests/{handle.request_id}"
    assert handle.response_url == base
    assert handle == await fal.get_handle(FILL, handle.request_id)


async def test_an_edit_has_the_size_of_its_first_image(fal: fal_client.AsyncClient) -> None:
    arguments = {"prompt": "a red fox", "image_urls": [data_url(photo(SIZE))] * 2}

    result = await fal.subscribe("fal-ai/flux-2/edit", arguments)

    assert (await image_of(result["images"][0])).size == SIZE


async def test_what_is_white_in_a_mask_is_painted(fal: fal_client.AsyncClient) -> None:
    images = {"image_url": data_url(photo(SIZE)), "mask_url": data_url(white_hole())}

    result = await fal.subscribe(FILL, asked(**images))

    assert is_box(changed(photo(SIZE), await image_of(result["images"][0])), HOLE)


async def test_a_flagged_image_is_black_and_delivered(fal: fal_client.AsyncClient) -> None:
    result = await fal.subscribe(SCHNELL, asked("a half-flagged fox", num_images=2))

    assert result["has_nsfw_concepts"] == [False, True]
    fox, black = [await image_of(entry) for entry in result["images"]]
    assert fox.convert("L").getextrema() != (0, 0)
    assert black.convert("L").getextrema() == (0, 0)


async def test_a_forbidden_prompt_is_a_problem_of_the_result(
    fal: fal_client.AsyncClient,
) -> None:
    problem = await refusal(fal, SCHNELL, asked("a forbidden fox"))

    assert (problem["type"], problem["loc"]) == ("content_policy_violation", ["body", "prompt"])


@pytest.mark.parametrize(
    ("model", "fields", "place"),
    [
        (SCHNELL, {"num_images": 5}, ["body", "num_images"]),
        (SCHNELL, {"prompt": None}, ["body", "prompt"]),
        (SCHNELL, {"num_inference_steps": 13}, ["body", "num_inference_steps"]),
        (FILL, {"image_url": "http://example.com/a.png", "mask_url": "x"}, ["body", "image_url"]),
    ],
)
async def test_a_problem_with_a_field_names_its_place(
    fal: fal_client.AsyncClient, model: str, fields: dict[str, Any], place: list[str]
) -> None:
    problem = await refusal(fal, model, asked(**fields))

    assert problem["loc"] == place


async def test_a_broken_runner_has_a_type_and_no_result(fal: fal_client.AsyncClient) -> None:
    handle = await fal.submit(SCHNELL, asked("a broken-task"))

    with pytest.raises(fal_client.client.FalClientHTTPError) as caught:
        await handle.get()

    status = await handle.status()
    assert isinstance(status, fal_client.Completed)
    assert status.error_type == caught.value.error_type == "runner_server_error"


@pytest.mark.parametrize(
    ("model", "key", "code"), [("fal-ai/unheard-of", "Key k", 404), (SCHNELL, "Bearer k", 401)]
)
async def test_an_unknown_model_and_another_scheme_are_refused(
    simulator: str, model: str, key: str, code: int
) -> None:
    async with http_client(headers={"Authorization": key}) as http:
        response = await http.post(f"{simulator}/hosted/fal/{model}", json=asked())

    assert response.status_code == code
    assert isinstance(response.json()["detail"], str)


async def test_an_error_can_be_scripted(fal: fal_client.AsyncClient) -> None:
    headers = fault(error="fal/exhausted")

    with pytest.raises(fal_client.client.FalClientHTTPError, match="Exhausted balance"):
        await fal.submit(SCHNELL, asked(), headers=headers)
