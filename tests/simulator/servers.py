"""Requests to simulated servers of open models, and what came back."""

import base64
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

import httpx2
from PIL import Image

from tests.simulator.edited import Box, changed, is_box, mask, photo
from tintype_testing.http import http_client

SIZE = (320, 320)
HOLE: Box = (40, 60, 200, 180)


@asynccontextmanager
async def calling(simulator: str, server: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Yield a client of one server."""
    async with http_client(base_url=f"{simulator}/servers/{server}") as client:
        yield client


def png(image: Image.Image) -> bytes:
    """Return an image as a PNG file."""
    file = io.BytesIO()
    image.save(file, "png")
    return file.getvalue()


def part(image: Image.Image) -> tuple[str, bytes, str]:
    """Return an image as a file of a form."""
    return "image.png", png(image), "image/png"


def white_hole() -> Image.Image:
    """Return a mask that is white in a box, and black elsewhere."""
    image: Image.Image = mask("white", HOLE, "black", SIZE)
    return image


def transparent_hole() -> Image.Image:
    """Return a mask as OpenAI's: black, and transparent in a box."""
    hole = mask("white", HOLE, "black", SIZE, "L").point(lambda value: 255 - value)
    image = Image.new("RGBA", SIZE, "black")
    image.putalpha(hole)
    return image


def images_of(response: httpx2.Response) -> list[Image.Image]:
    """Return the images that a response has in base64."""
    assert response.status_code == 200, response.text
    files = [base64.b64decode(entry["b64_json"]) for entry in response.json()["data"]]
    return [Image.open(io.BytesIO(file)) for file in files]


def image_of(response: httpx2.Response) -> Image.Image:
    """Return the one image that a response has in base64."""
    [image] = images_of(response)
    return image


def changes_only_the_hole(before: Image.Image, after: Image.Image) -> bool:
    """Return whether exactly the pixels in the box of the masks differ."""
    return is_box(changed(before, after), HOLE)


def changes_all(before: Image.Image, after: Image.Image) -> bool:
    """Return whether pixels differ in every corner of the image."""
    return changed(before, after).getbbox() == (0, 0, *SIZE)


async def edit(
    client: httpx2.AsyncClient,
    path: str = "edits",
    *,
    files: Mapping[str, Any] = MappingProxyType({}),
    **fields: str,
) -> httpx2.Response:
    """Ask for an edit of a photo, with further files and fields."""
    given = {"image": part(photo(SIZE)), **files}
    form = {"prompt": "a red fox"} | fields
    return await client.post(f"/v1/images/{path}", data=form, files=given)


async def generate(client: httpx2.AsyncClient, **fields: object) -> httpx2.Response:
    """Ask for a small image."""
    body = {"prompt": "a red fox", "size": "64x64"} | fields
    return await client.post("/v1/images/generations", json=body)


def tag(**settings: object) -> str:
    """Return the tag by which stable-diffusion.cpp takes settings from a prompt."""
    return f"<sd_cpp_extra_args>{json.dumps(settings)}</sd_cpp_extra_args>"
