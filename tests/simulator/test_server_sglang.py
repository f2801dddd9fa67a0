"""The simulated server of SGLang."""

import httpx2
import pytest

from tests.simulator.edited import photo
from tests.simulator.servers import (
    SIZE,
    changes_all,
    edit,
    generate,
    image_of,
    images_of,
    part,
    white_hole,
)
from tintype_testing.simulators import fault, opened

SERVER = "sglang"


async def test_a_generation_is_a_url_without_a_host(server: httpx2.AsyncClient) -> None:
    response = await generate(server, n=2)

    first, second = (entry["url"] for entry in response.json()["data"])
    assert first == f"/v1/images/{response.json()['id']}/content"
    assert second == f"{first}?variant=1"
    content = await server.get(second)
    assert content.headers["content-type"] == "image/jpeg"
    assert opened(content.content).size == (64, 64)


async def test_base64_is_given_when_asked_for(server: httpx2.AsyncClient) -> None:
    assert image_of(await generate(server, response_format="b64_json")).format == "JPEG"


async def test_the_response_has_fields_of_its_own(server: httpx2.AsyncClient) -> None:
    body = (await generate(server, response_format="b64_json")).json()

    assert body["data"][0]["revised_prompt"] == "a red fox"
    assert "file_path" in body["data"][0]
    assert body["usage"]["image_count"] == 1


async def test_the_number_of_images_is_cut_to_ten(server: httpx2.AsyncClient) -> None:
    response = await generate(server, n=25, size="8x8", response_format="b64_json")

    assert len(images_of(response)) == 10


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"size": "64x48"}, (64, 48)),
        ({"width": 80, "height": 40}, (80, 40)),
        ({"size": "auto"}, (1024, 1024)),
    ],
)
async def test_the_size_is_one_field_or_two(
    server: httpx2.AsyncClient, fields: dict[str, object], size: tuple[int, int]
) -> None:
    assert image_of(await generate(server, response_format="b64_json", **fields)).size == size


async def test_a_transparent_background_makes_png(server: httpx2.AsyncClient) -> None:
    response = await generate(server, response_format="b64_json", background="transparent")

    assert image_of(response).format == "PNG"


@pytest.mark.parametrize("seed", [5, [5, 6]])
async def test_a_seed_repeats_an_image(server: httpx2.AsyncClient, seed: object) -> None:
    one, two = [
        image_of(await generate(server, response_format="b64_json", seed=given))
        for given in (5, seed)
    ]

    assert one.tobytes() == two.tobytes()


async def test_unknown_fields_are_allowed(server: httpx2.AsyncClient) -> None:
    assert (await generate(server, perf_dump_path="x", user="u")).status_code == 200


async def test_a_mask_is_taken_and_ignored(server: httpx2.AsyncClient) -> None:
    response = await edit(server, files={"mask": part(white_hole())}, output_format="png")

    assert changes_all(photo(SIZE), image_of(response))


async def test_a_request_without_a_prompt_is_422_with_a_list(server: httpx2.AsyncClient) -> None:
    response = await generate(server, prompt=None)

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "prompt"]


async def test_a_request_without_an_image_is_422_with_a_text(server: httpx2.AsyncClient) -> None:
    response = await server.post(
        "/v1/images/edits", data={"prompt": "a fox"}, files={"mask": part(white_hole())}
    )

    assert (response.status_code, response.json()["detail"]) == (422, "Field 'image' is required")


async def test_a_file_that_is_no_image_is_400(server: httpx2.AsyncClient) -> None:
    response = await edit(server, files={"image": ("a.png", b"text", "image/png")})

    assert response.status_code == 400


async def test_an_unknown_file_is_404(server: httpx2.AsyncClient) -> None:
    assert (await server.get("/v1/images/none/content")).status_code == 404


async def test_a_server_that_stores_nothing_refuses_after_the_work(
    server: httpx2.AsyncClient,
) -> None:
    response = await server.post(
        "/v1/images/generations",
        json={"prompt": "a red fox"},
        headers=fault(error="sglang/nothing_stored"),
    )

    assert response.status_code == 400
    assert "no storage" in response.json()["detail"]


async def test_the_health_path_and_the_list_of_models(server: httpx2.AsyncClient) -> None:
    assert (await server.get("/health")).status_code == 200
    assert len((await server.get("/v1/models")).json()["data"]) == 1
