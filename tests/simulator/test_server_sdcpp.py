"""The simulated sd-server of stable-diffusion.cpp."""

import asyncio
import base64
from contextlib import AsyncExitStack

import httpx2
import pytest

from tests.simulator.edited import photo
from tests.simulator.servers import (
    SIZE,
    calling,
    changes_all,
    changes_only_the_hole,
    edit,
    generate,
    image_of,
    images_of,
    part,
    tag,
    transparent_hole,
    white_hole,
)
from tintype_simulator.app import running
from tintype_testing.simulators import fault, requests_received
from tintype_testing.waiting import eventually

SERVER = "sdcpp"


async def test_equal_requests_give_equal_images_whatever_their_seed(
    server: httpx2.AsyncClient,
) -> None:
    one, two = [image_of(await generate(server, seed=seed)).tobytes() for seed in (1, 2)]

    assert one == two


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
async def test_a_file_holds_the_prompt_and_the_settings(
    server: httpx2.AsyncClient, form: str
) -> None:
    [entry] = (await generate(server, prompt="a secret fox", output_format=form)).json()["data"]

    content = base64.b64decode(entry["b64_json"])
    assert b"a secret fox" in content
    assert b"Seed: 42" in content


@pytest.mark.parametrize("form", ["jpg", "gif"])
async def test_an_unknown_format_is_refused(server: httpx2.AsyncClient, form: str) -> None:
    response = await generate(server, output_format=form)

    assert response.status_code == 400
    assert response.json()["error"].startswith("invalid output_format")


async def test_an_edit_gives_no_webp(server: httpx2.AsyncClient) -> None:
    assert (await edit(server, output_format="webp")).status_code == 400


async def test_a_size_that_cannot_be_read_is_the_default(server: httpx2.AsyncClient) -> None:
    assert image_of(await generate(server, size="auto")).size == (512, 512)


async def test_the_number_of_images_has_no_upper_bound(server: httpx2.AsyncClient) -> None:
    assert len(images_of(await generate(server, n=12, size="8x8"))) == 12


async def test_the_white_of_a_mask_changes(server: httpx2.AsyncClient) -> None:
    response = await edit(server, files={"mask": part(white_hole())})

    assert changes_only_the_hole(photo(SIZE), image_of(response))


async def test_the_alpha_of_a_mask_does_not_count(server: httpx2.AsyncClient) -> None:
    response = await edit(server, files={"mask": part(transparent_hole())})

    assert image_of(response).tobytes() == photo(SIZE).tobytes()


async def test_a_file_that_is_no_image_is_skipped(server: httpx2.AsyncClient) -> None:
    broken = {"image": ("a.png", b"no image", "image/png")}

    response = await edit(server, files=broken, size="320x320")

    assert image_of(response).size == SIZE
    assert changes_all(photo(SIZE), image_of(response))


async def test_a_prompt_may_hold_settings(server: httpx2.AsyncClient) -> None:
    prompt = f"a fox {tag(width=48, height=24, batch_count=2)}"

    assert [image.size for image in images_of(await generate(server, prompt=prompt))] == [
        (48, 24),
        (48, 24),
    ]


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"prompt": ""}, 400, "prompt required"),
        ({"size": "0x64"}, 400, "invalid params"),
        ({"prompt": "<sd_cpp_extra_args>{</sd_cpp_extra_args>"}, 400, "invalid sd_cpp_extra_args"),
        ({"prompt": 7}, 500, "server_error"),
    ],
)
async def test_errors_are_texts(
    server: httpx2.AsyncClient, fields: dict[str, object], status: int, error: str
) -> None:
    response = await generate(server, **fields)

    assert (response.status_code, response.json()["error"]) == (status, error)


async def test_a_body_that_is_not_json_is_500(server: httpx2.AsyncClient) -> None:
    response = await server.post("/v1/images/generations", content=b"{")

    assert (response.status_code, response.json()["error"]) == (500, "server_error")


async def test_an_edit_needs_a_form_with_an_image(server: httpx2.AsyncClient) -> None:
    in_json = await server.post("/v1/images/edits", json={"prompt": "a fox"})
    imageless = await server.post(
        "/v1/images/edits", data={"prompt": "a fox"}, files={"mask": part(white_hole())}
    )

    assert in_json.json()["error"] == "Content-Type must be multipart/form-data"
    assert imageless.json()["error"] == "at least one image[] required"


async def test_no_key_is_refused(server: httpx2.AsyncClient) -> None:
    response = await server.get("/v1/models", headers={"authorization": "Bearer invalid"})

    assert response.status_code == 200
    assert (await server.get("/health")).status_code == 404
    assert "limits" in (await server.get("/sdcpp/v1/capabilities")).json()


async def test_jobs_run_one_after_the_other_though_a_client_left() -> None:
    async with AsyncExitStack() as opened:
        simulator = await opened.enter_async_context(running())
        server = await opened.enter_async_context(calling(simulator, SERVER))
        hanging = asyncio.create_task(
            server.post("/v1/images/generations", json={}, headers=fault(hang=True))
        )
        await eventually(lambda: received(simulator, 1))
        hanging.cancel()
        waiting = asyncio.create_task(generate(server))
        await eventually(lambda: received(simulator, 2))

        models = await server.get("/v1/models")
        assert models.status_code == 200
        assert not waiting.done()
        waiting.cancel()


async def received(simulator: str, count: int) -> bool:
    """Return whether the simulator has received this number of requests."""
    return len(await requests_received(simulator)) >= count
