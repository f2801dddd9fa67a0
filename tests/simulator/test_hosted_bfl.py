"""The simulated Black Forest Labs, asked as its documentation shows: there is no SDK of it."""

import asyncio
import base64
import io
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.simulator.edited import changed, is_box, photo
from tests.simulator.servers import HOLE, SIZE, png, white_hole
from tintype_simulator.hosted.bfl_models import MODELS
from tintype_testing.http import http_client
from tintype_testing.simulators import fault

KEY = {"x-key": "a key"}
SMALL: dict[str, Any] = {"width": 96, "height": 64}


async def submit(
    simulator: str, model: str, headers: dict[str, str] | None = None, **fields: Any
) -> httpx2.Response:
    async with http_client() as http:
        body = {"prompt": "a red fox"} | fields
        return await http.post(
            f"{simulator}/hosted/bfl/v1/{model}", json=body, headers=KEY | (headers or {})
        )


async def ended(accepted: httpx2.Response) -> Any:
    """Return what a task says when it has ended."""
    assert accepted.status_code == 200, accepted.text
    async with http_client(headers=KEY) as http:
        while True:
            document = (await http.get(accepted.json()["polling_url"])).json()
            if document["status"] != "Pending":
                return document
            await asyncio.sleep(0.01)


async def image_of(accepted: httpx2.Response) -> Image.Image:
    """Return the image of a task, which is fetched without a key."""
    document = await ended(accepted)
    async with http_client() as http:
        response = await http.get(document["result"]["sample"])
    assert response.status_code == 200
    return Image.open(io.BytesIO(response.content))


def text_of(image: Image.Image) -> str:
    return base64.b64encode(png(image)).decode()


@pytest.mark.parametrize(
    ("fields", "cost", "input_mp", "output_mp"),
    [
        (SMALL, 3.0, 0, 1),
        ({"width": 1024, "height": 1040}, 4.5, 0, 2),
        ({**SMALL, "input_image": text_of(photo(SIZE))}, 4.5, 1, 1),
    ],
)
async def test_a_task_is_accepted_with_its_cost(
    simulator: str, fields: dict[str, Any], cost: float, input_mp: int, output_mp: int
) -> None:
    document = (await submit(simulator, "flux-2-pro", **fields)).json()

    assert document["cost"] == cost
    assert (document["input_mp"], document["output_mp"]) == (input_mp, output_mp)


async def test_its_image_has_the_size_and_the_format_that_were_asked_for(simulator: str) -> None:
    first = await image_of(await submit(simulator, "flux-2-flex", **SMALL, seed=7))
    again = await image_of(await submit(simulator, "flux-2-flex", **SMALL, seed=7))
    other = await image_of(
        await submit(simulator, "flux-2-flex", **SMALL, seed=8, output_format="png")
    )

    assert (first.format, first.size, other.format) == ("JPEG", (96, 64), "PNG")
    assert first.tobytes() == again.tobytes() != other.tobytes()


async def test_a_mask_is_painted_where_it_is_white(simulator: str) -> None:
    fields: dict[str, Any] = {"image": text_of(photo(SIZE)), "mask": text_of(white_hole())}

    image = await image_of(
        await submit(simulator, "flux-pro-1.0-fill", **fields, output_format="png")
    )

    assert is_box(changed(photo(SIZE), image), HOLE)


@pytest.mark.parametrize("model", MODELS)
async def test_a_field_that_is_wrong_is_named(simulator: str, model: str) -> None:
    response = await submit(simulator, model, output_format="gif")

    places = [each["loc"] for each in response.json()["detail"]]
    assert response.status_code == 422
    assert ["output_format"] in places


@pytest.mark.parametrize(
    "fields",
    [
        *({"width": 100}, {"width": 48}, {"width": 4096, "height": 4096}, {"safety_tolerance": 6}),
        {"input_image": "https://example.com/fox.png"},
    ],
)
async def test_what_is_not_possible_is_refused(simulator: str, fields: dict[str, Any]) -> None:
    assert (await submit(simulator, "flux-2-max", **fields)).status_code == 422


@pytest.mark.parametrize(
    ("prompt", "status"),
    [
        ("a forbidden fox", "Request Moderated"),
        ("a flagged fox", "Content Moderated"),
        ("a broken-task fox", "Error"),
        ("an odd-task fox", "Dreaming"),
    ],
)
async def test_a_task_ends_as_its_prompt_says(simulator: str, prompt: str, status: str) -> None:
    document = await ended(await submit(simulator, "flux-2-pro", **SMALL, prompt=prompt))

    assert document["status"] == status
    assert ("Moderation Reasons" in (document["details"] or {})) == status.endswith("Moderated")


async def test_a_key_is_needed_but_for_images(simulator: str) -> None:
    async with http_client() as http:
        for method, path in (("POST", "flux-2-pro"), ("GET", "get_result?id=1")):
            response = await http.request(method, f"{simulator}/hosted/bfl/v1/{path}")
            assert response.status_code == 403
        assert (await http.get(f"{simulator}/hosted/bfl/files/none.png")).status_code == 404


async def test_a_task_or_a_model_that_is_not_there_is_not_found(simulator: str) -> None:
    assert (await submit(simulator, "flux-9")).status_code == 404
    async with http_client(headers=KEY) as http:
        response = await http.get(f"{simulator}/hosted/bfl/v1/get_result", params={"id": "1"})
    assert response.json()["status"] == "Task not found"


@pytest.mark.parametrize(
    ("error", "status"), [("no_credits", 402), ("throttled", 429), ("server_error", 500)]
)
async def test_its_errors_can_be_scripted(simulator: str, error: str, status: int) -> None:
    response = await submit(simulator, "flux-2-pro", fault(error=f"bfl/{error}"))

    assert response.status_code == status
    assert response.json()["detail"]
