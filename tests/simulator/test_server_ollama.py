"""The simulated Ollama."""

import base64

import httpx2
import pytest

from tests.simulator.edited import photo
from tests.simulator.servers import (
    SIZE,
    changes_all,
    edit,
    generate,
    image_of,
    part,
    png,
    white_hole,
)

SERVER = "ollama"
MODEL = "x/flux2-klein"


async def test_there_is_one_image_in_base64_whatever_is_asked_for(
    server: httpx2.AsyncClient,
) -> None:
    response = await generate(server, model=MODEL, n=3, response_format="url")

    assert image_of(response).size == (64, 64)


async def test_a_seed_repeats_an_image(server: httpx2.AsyncClient) -> None:
    one, two, other = [
        image_of(await generate(server, model=MODEL, seed=seed)).tobytes() for seed in (3, 3, 4)
    ]

    assert one == two
    assert one != other


@pytest.mark.parametrize("head", ["", "data:image/png;base64,"])
async def test_an_edit_is_json_and_ignores_a_mask(server: httpx2.AsyncClient, head: str) -> None:
    image, mask = (base64.b64encode(png(given)).decode() for given in (photo(SIZE), white_hole()))
    body = {"model": MODEL, "prompt": "a fox", "size": "320x320", "image": head + image}

    response = await server.post("/v1/images/edits", json=body | {"mask": mask})

    assert changes_all(photo(SIZE), image_of(response))


async def test_a_form_is_refused(server: httpx2.AsyncClient) -> None:
    response = await edit(server, files={"mask": part(white_hole())}, model=MODEL)

    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


async def test_a_model_that_only_writes_gives_no_image(server: httpx2.AsyncClient) -> None:
    response = await generate(server, model="llama3.2")

    assert (response.status_code, response.json()["data"]) == (200, [])


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({}, 400, "model is required"),
        ({"model": "unknown"}, 404, "try pulling it first"),
        ({"model": MODEL, "prompt": ""}, 400, "prompt is required"),
    ],
)
async def test_errors_have_openais_envelope(
    server: httpx2.AsyncClient, fields: dict[str, object], status: int, words: str
) -> None:
    response = await generate(server, **fields)

    assert response.status_code == status
    assert words in response.json()["error"]["message"]


async def test_the_paths_that_tell_that_it_runs(server: httpx2.AsyncClient) -> None:
    assert (await server.get("/")).text == "Ollama is running"
    assert "version" in (await server.get("/api/version")).json()
