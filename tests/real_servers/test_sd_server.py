"""A real sd-server, asked through the gateway with the shipped manifest.

It starts with its default seed, so that equal requests have equal images: what differs comes from
what the request says.
"""

import asyncio
import base64
import io
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image, ImageChops

from tests.real_servers.conftest import asking
from tests.real_servers.sd_server import SdServer, running
from tests.simulator.edited import mask, photo
from tests.simulator.servers import image_of, images_of, png, tag
from tintype_testing.gateway import CREDITS_MICRO, Gateway
from tintype_testing.waiting import eventually

MODEL = "sd-cpp-local"
SMALL = "256x256"

WORK_SECONDS = 300
"""A limit that only a defect reaches."""

LEFT, RIGHT = (0, 0, 48, 256), (208, 0, 256, 256)
"""Strips of an image: further from each other than the tiny autoencoder mixes pixels."""


def client_of(gateway: Gateway) -> httpx2.AsyncClient:
    """Return a client that waits for as long as a busy machine takes."""
    client = gateway.http()
    client.timeout = httpx2.Timeout(WORK_SECONDS)
    return client


async def draw(gateway: Gateway, prompt: str = "a red fox", **fields: Any) -> httpx2.Response:
    body = {"model": MODEL, "prompt": prompt, "size": SMALL} | fields
    async with client_of(gateway) as http:
        return await http.post("/v1/images/generations", json=body)


async def edit(
    gateway: Gateway, prompt: str, *, masked: bool = False, **fields: str
) -> Image.Image:
    """Return an edit of a photo, whose left strip is transparent in the mask."""
    files = {"image": png(photo((256, 256)))}
    if masked:
        opaque = mask("black", LEFT, "white", (256, 256), "L")
        hole = Image.new("RGBA", opaque.size)
        hole.putalpha(opaque)
        files["mask"] = png(hole)
    async with client_of(gateway) as http:
        response = await http.post(
            "/v1/images/edits",
            data={"model": MODEL, "prompt": prompt} | fields,
            files={name: (f"{name}.png", file, "image/png") for name, file in files.items()},
        )
    return image_of(response)


def differ(one: Image.Image, two: Image.Image, box: tuple[int, int, int, int]) -> bool:
    return ImageChops.difference(one.crop(box), two.crop(box)).getbbox() is not None


async def direct(server: SdServer, **fields: object) -> httpx2.Response:
    """Ask the server itself."""
    async with httpx2.AsyncClient(base_url=server.url, timeout=WORK_SECONDS) as client:
        return await client.post("/v1/images/generations", json={"size": SMALL} | fields)


async def test_an_image_has_the_size_that_was_asked_for(gateway: Gateway) -> None:
    image = image_of(await draw(gateway, size="320x256"))

    assert (image.format, image.size) == ("PNG", (320, 256))


async def test_the_image_is_of_the_prompt(gateway: Gateway) -> None:
    fox, same, moss = [
        image_of(await draw(gateway, prompt)).tobytes()
        for prompt in ("a red fox", "a red fox", "a hedgehog that sleeps in the moss")
    ]

    assert fox == same  # as the documentation warns
    assert fox != moss


async def test_several_images_are_jpeg_where_that_is_asked_for(gateway: Gateway) -> None:
    one, two = images_of(await draw(gateway, n=2, output_format="jpeg"))

    assert (one.format, two.format) == ("JPEG", "JPEG")
    assert one.tobytes() != two.tobytes()


async def test_the_gateway_converts_to_a_format_that_the_server_lacks(gateway: Gateway) -> None:
    image = image_of(await draw(gateway, output_format="webp"))

    assert (image.format, image.size) == ("WEBP", (256, 256))


async def test_the_prompt_in_the_files_of_the_server_does_not_reach_the_client(
    server: SdServer, gateway: Gateway
) -> None:
    given, passed_on = [
        base64.b64decode(response.json()["data"][0]["b64_json"])
        for response in (
            await direct(server, prompt="a secret fox"),
            await draw(gateway, "a secret fox"),
        )
    ]

    assert b"a secret fox" in given
    assert b"secret" not in passed_on
    assert Image.open(io.BytesIO(given)).tobytes() == Image.open(io.BytesIO(passed_on)).tobytes()


async def test_a_tag_that_the_server_obeys_is_refused(server: SdServer, gateway: Gateway) -> None:
    prompt = f"a red fox {tag(width=128, height=64)}"

    obeyed = image_of(await direct(server, prompt=prompt))
    refused = await draw(gateway, prompt)

    assert obeyed.size == (128, 64)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "prompt")


async def test_an_edit_has_the_size_of_its_image_and_follows_the_prompt(gateway: Gateway) -> None:
    fox, moss = await edit(gateway, "a fox"), await edit(gateway, "a hedgehog in the moss")

    assert fox.size == (256, 256)
    assert differ(fox, moss, LEFT)
    assert differ(fox, moss, RIGHT)


async def test_a_mask_keeps_what_is_opaque_in_it(gateway: Gateway) -> None:
    fox = await edit(gateway, "a fox", masked=True, size=SMALL)
    moss = await edit(gateway, "a hedgehog in the moss", masked=True, size=SMALL)

    assert differ(fox, moss, LEFT)
    assert not differ(fox, moss, RIGHT)


async def test_the_health_path_responds_while_the_server_draws(server: SdServer) -> None:
    drawing = asyncio.create_task(direct(server, prompt="a red fox"))
    async with httpx2.AsyncClient(base_url=server.url) as client:
        models = await client.get("/v1/models")

    assert models.status_code == 200
    assert not drawing.done()
    assert (await drawing).status_code == 200


async def test_the_reason_of_a_refusal_reaches_the_client(server: SdServer, tmp_path: Path) -> None:
    wrong = {"send": {"auto": "Omit", "seed": "Omit"}, "defaults": {"output_format": "bmp"}}
    async with asking(server, tmp_path, api=wrong) as gateway:
        response = await draw(gateway)

    assert response.status_code == 400
    assert "output_format" in response.json()["error"]["message"]


async def test_a_server_that_dies_at_work_costs_the_client_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "server.log") as server:
        async with asking(server, tmp_path) as gateway:
            drawing = asyncio.create_task(draw(gateway))
            await eventually(lambda: "generating image" in server.process.output(), WORK_SECONDS)
            server.process.popen.kill()
            response = await drawing
            account = await gateway.account()

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "outcome_unknown"
    assert account.balance == CREDITS_MICRO


@pytest.mark.parametrize("prompt", ['a `fox` | "quoted" {json}', "狐 🦊"])
async def test_any_text_is_a_prompt(gateway: Gateway, prompt: str) -> None:
    assert image_of(await draw(gateway, prompt)).size == (256, 256)
