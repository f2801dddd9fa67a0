"""The simulated LocalAI."""

import httpx2
import pytest
from PIL import Image

from tests.simulator.edited import photo
from tests.simulator.servers import (
    SIZE,
    changes_only_the_hole,
    edit,
    generate,
    image_of,
    images_of,
    part,
    transparent_hole,
    white_hole,
)
from tintype_testing.simulators import fault, opened

SERVER = "localai"
MODEL = "stablediffusion"


async def fetched(server: httpx2.AsyncClient, response: httpx2.Response) -> Image.Image:
    """Return the image that a response names by URL."""
    [entry] = response.json()["data"]
    return opened((await server.get(entry["url"])).content)


async def test_a_generation_is_a_url_on_the_server(server: httpx2.AsyncClient) -> None:
    response = await generate(server, model=MODEL)

    assert response.json()["data"][0]["url"].startswith(f"{server.base_url}generated-images/")
    assert (await fetched(server, response)).size == (64, 64)


async def test_usage_counts_nothing(server: httpx2.AsyncClient) -> None:
    response = await generate(server, model=MODEL, response_format="b64_json")

    assert response.json()["usage"]["total_tokens"] == 0


async def test_images_are_png_whatever_is_asked_for(server: httpx2.AsyncClient) -> None:
    response = await generate(server, model=MODEL, response_format="b64_json", output_format="webp")

    assert image_of(response).format == "PNG"


async def test_a_size_that_is_none_is_the_default(server: httpx2.AsyncClient) -> None:
    response = await generate(server, model=MODEL, response_format="b64_json", size="auto")

    assert image_of(response).size == (512, 512)


async def test_each_prompt_of_a_list_has_its_images(server: httpx2.AsyncClient) -> None:
    response = await generate(
        server, model=MODEL, response_format="b64_json", prompt=["a fox", "a dog"], n=2
    )

    assert len(images_of(response)) == 4


async def test_a_bar_starts_the_negative_prompt(server: httpx2.AsyncClient) -> None:
    plain, empty, negative = [
        image_of(
            await generate(server, model=MODEL, prompt=prompt, response_format="b64_json")
        ).tobytes()
        for prompt in ("a fox", "a fox|", "a fox|snow")
    ]

    assert plain == empty
    assert plain != negative


async def test_inpainting_changes_the_white_and_responds_with_a_url(
    server: httpx2.AsyncClient,
) -> None:
    response = await edit(
        server,
        "inpainting",
        files={"mask": part(white_hole())},
        model=MODEL,
        response_format="b64_json",
    )

    assert changes_only_the_hole(photo(SIZE), await fetched(server, response))


async def test_the_alpha_of_a_mask_does_not_count(server: httpx2.AsyncClient) -> None:
    files = {"mask": part(transparent_hole())}

    response = await edit(server, "inpainting", files=files, model=MODEL)

    assert (await fetched(server, response)).tobytes() == photo(SIZE).tobytes()


async def test_there_are_no_edits(server: httpx2.AsyncClient) -> None:
    response = await edit(server, model=MODEL)

    assert (response.status_code, response.json()["error"]["code"]) == (404, 404)


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({}, 400, "no model"),
        ({"model": "unknown"}, 500, "could not load model"),
        ({"model": MODEL, "n": "2"}, 400, "cannot unmarshal"),
    ],
)
async def test_errors_have_openais_envelope_with_the_status_as_their_code(
    server: httpx2.AsyncClient, fields: dict[str, object], status: int, words: str
) -> None:
    response = await generate(server, **fields)

    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, status)
    assert words in error["message"]


@pytest.mark.parametrize("missing", ["image", "mask"])
async def test_inpainting_needs_both_files(server: httpx2.AsyncClient, missing: str) -> None:
    files = {"image": part(photo(SIZE)), "mask": part(white_hole())}
    del files[missing]

    response = await server.post(
        "/v1/images/inpainting", data={"model": MODEL, "prompt": "a fox"}, files=files
    )

    assert (response.status_code, response.json()["error"]["code"]) == (400, 400)


@pytest.mark.parametrize(
    ("header", "key"),
    [("authorization", "Bearer invalid"), ("x-api-key", "invalid"), ("xi-api-key", "invalid")],
)
async def test_the_key_may_come_in_three_headers(
    server: httpx2.AsyncClient, header: str, key: str
) -> None:
    assert (await server.get("/v1/models", headers={header: key})).status_code == 401
    assert (await server.get("/v1/models", headers={header: "key"})).status_code == 200
    assert (await server.get("/readyz", headers={header: key})).status_code == 200


async def test_a_model_that_is_loading_says_when_to_come_back(server: httpx2.AsyncClient) -> None:
    response = await server.get("/v1/models", headers=fault(error="localai/model_loading"))

    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert response.json()["error"]["code"] == "model_loading"


async def test_an_opaque_error_has_no_body(server: httpx2.AsyncClient) -> None:
    response = await server.get("/v1/models", headers=fault(error="localai/opaque"))

    assert (response.status_code, response.content) == (500, b"")
