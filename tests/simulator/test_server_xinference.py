"""The simulated Xinference."""

import json

import httpx2
import pytest
from PIL import Image, ImageChops, ImageStat

from tests.simulator.edited import mask, photo
from tests.simulator.servers import (
    HOLE,
    SIZE,
    changes_all,
    edit,
    generate,
    image_of,
    part,
    white_hole,
)
from tintype_simulator.servers.xinference import EDITING, INPAINTING
from tintype_testing.simulators import fault

SERVER = "xinference"


def only_inside_differs(image: Image.Image) -> bool:
    """Return whether the hole is painted anew, and the rest is kept as far as JPEG keeps it."""
    differing = ImageChops.difference(image, photo(SIZE)).convert("L")
    inside = ImageStat.Stat(differing.crop(HOLE)).mean[0]
    outside = ImageStat.Stat(differing, mask("black", HOLE, "white", SIZE, "L")).mean[0]
    return outside < 4 < 16 < inside


async def test_a_generation_is_a_path_on_the_disk_of_the_server(
    server: httpx2.AsyncClient,
) -> None:
    [entry] = (await generate(server, model=EDITING)).json()["data"]

    assert entry["url"].startswith("/home/xinference/.xinference/image/")


async def test_base64_is_jpeg(server: httpx2.AsyncClient) -> None:
    response = await generate(server, model=EDITING, response_format="b64_json")

    assert (image_of(response).format, image_of(response).size) == ("JPEG", (64, 64))


async def test_a_size_may_have_an_asterisk(server: httpx2.AsyncClient) -> None:
    response = await generate(server, model=EDITING, size="64*32", response_format="b64_json")

    assert image_of(response).size == (64, 32)


async def test_the_seed_is_in_a_text_of_json(server: httpx2.AsyncClient) -> None:
    def asked(**settings: int) -> dict[str, object]:
        return {"model": EDITING, "response_format": "b64_json", "kwargs": json.dumps(settings)}

    one, two, drawn = [
        image_of(await generate(server, **asked(seed=seed))).tobytes() for seed in (4, 4, -1)
    ]

    assert one == two
    assert one != drawn


async def test_a_seed_of_its_own_is_ignored(server: httpx2.AsyncClient) -> None:
    one, two = [
        image_of(await generate(server, model=EDITING, response_format="b64_json", seed=4))
        for _ in range(2)
    ]

    assert one.tobytes() != two.tobytes()


@pytest.mark.parametrize(
    "fields",
    [{"size": "auto"}, {"kwargs": "{"}, {"n": 0}, {"prompt": None}, {"model": None}],
)
async def test_bad_values_are_500_with_a_detail(
    server: httpx2.AsyncClient, fields: dict[str, object]
) -> None:
    response = await generate(server, **({"model": EDITING} | fields))

    assert response.status_code == 500
    assert isinstance(response.json()["detail"], str)


async def test_an_unknown_model_is_400(server: httpx2.AsyncClient) -> None:
    response = await generate(server, model="unknown")

    assert response.status_code == 400
    assert "Model not found" in response.json()["detail"]


async def test_inpainting_changes_the_white_of_mask_image(server: httpx2.AsyncClient) -> None:
    response = await edit(
        server,
        "inpainting",
        files={"mask_image": part(white_hole())},
        model=INPAINTING,
        response_format="b64_json",
    )

    assert only_inside_differs(image_of(response))


async def test_inpainting_needs_a_mask(server: httpx2.AsyncClient) -> None:
    response = await edit(server, "inpainting", model=INPAINTING)

    assert response.status_code == 422


async def test_an_edit_uses_its_mask_where_the_model_does(server: httpx2.AsyncClient) -> None:
    def asked(model: str) -> dict[str, str]:
        return {"model": model, "response_format": "b64_json"}

    files = {"mask": part(white_hole())}

    inpainted = image_of(await edit(server, files=files, **asked(INPAINTING)))
    edited = image_of(await edit(server, files=files, **asked(EDITING)))

    assert only_inside_differs(inpainted)
    assert changes_all(photo(SIZE), edited)
    assert not only_inside_differs(edited)


@pytest.mark.parametrize("field", ["image", "images", "image[]", "images[]"])
async def test_an_image_may_have_four_names(server: httpx2.AsyncClient, field: str) -> None:
    response = await server.post(
        "/v1/images/edits", data={"prompt": "a fox"}, files={field: part(photo(SIZE))}
    )

    assert response.status_code == 200


async def test_a_variation_has_the_size_of_its_image(server: httpx2.AsyncClient) -> None:
    response = await edit(server, "variations", model=EDITING, response_format="b64_json")

    assert image_of(response).size == SIZE


@pytest.mark.parametrize(("name", "status"), [("rate_limited", 429), ("loading", 503)])
async def test_errors_that_ask_to_come_back(
    server: httpx2.AsyncClient, name: str, status: int
) -> None:
    response = await server.get("/v1/models", headers=fault(error=f"xinference/{name}"))

    assert (response.status_code, "detail" in response.json()) == (status, True)


async def test_the_status_path_responds(server: httpx2.AsyncClient) -> None:
    assert (await server.get("/status")).status_code == 200
