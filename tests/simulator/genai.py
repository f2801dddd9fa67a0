"""Google's own client, google-genai, pointed at a simulator."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google.genai import Client, types
from google.genai.client import AsyncClient
from google.oauth2.credentials import Credentials
from PIL import Image

from tintype_simulator.google.models import MODELS
from tintype_testing.simulators import opened

FLASH, PRO, OLDER = "gemini-3.1-flash-image", "gemini-3-pro-image", "gemini-2.5-flash-image"

GEMINI = [model.id for model in MODELS.values() if model.method == "generateContent"]

QUIET = [
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession"),
    pytest.mark.filterwarnings(
        "ignore:The (generate_images|edit_image|upscale_image) method is deprecated"
    ),
]
"""What the client warns of whenever it is used like this."""


@asynccontextmanager
async def gemini(
    simulator: str, api_key: str = "key", **options: Any
) -> AsyncIterator[AsyncClient]:
    """The client of the Gemini API, with an API key; `options` are its HttpOptions."""
    async with Client(api_key=api_key, http_options=reached(simulator, **options)).aio as client:
        yield client


@asynccontextmanager
async def vertex(simulator: str, bearer: str = "key") -> AsyncIterator[AsyncClient]:
    """The client of Vertex AI, with an OAuth token."""
    client = Client(
        vertexai=True,
        project="studio",
        location="us-central1",
        credentials=Credentials(bearer),  # type: ignore[no-untyped-call]
        http_options=reached(simulator),
    )
    async with client.aio as asynchronous:
        yield asynchronous


@asynccontextmanager
async def express(simulator: str) -> AsyncIterator[AsyncClient]:
    """The client of Vertex AI in express mode, with an API key and without a project."""
    client = Client(vertexai=True, api_key="key", http_options=reached(simulator))
    async with client.aio as asynchronous:
        yield asynchronous


def reached(simulator: str, **options: Any) -> types.HttpOptions:
    """Return how the simulator is reached."""
    return types.HttpOptions(base_url=simulator, **options)


def asked(
    *, ratio: str | None = None, size: str | None = None, **config: Any
) -> types.GenerateContentConfig:
    """Return the configuration of a request for an image."""
    image = types.ImageConfig(aspect_ratio=ratio, image_size=size)
    return types.GenerateContentConfig(image_config=image, **config)


async def response_of(
    simulator: str, model: str = FLASH, prompt: str = "a red fox", **config: Any
) -> types.GenerateContentResponse:
    """Return the response of a model of the Gemini API, where `config` is that of `asked`."""
    async with gemini(simulator) as client:
        return await client.models.generate_content(
            model=model, contents=prompt, config=asked(**config)
        )


def with_fault(headers: dict[str, str]) -> types.GenerateContentConfig:
    """Return the configuration of a request that shall meet a fault."""
    return types.GenerateContentConfig(http_options=types.HttpOptions(headers=headers))


def parts_of(response: types.GenerateContentResponse) -> list[types.Part]:
    """Return the parts of the one candidate."""
    assert response.candidates is not None
    content = response.candidates[0].content
    return (content and content.parts) or []


def files_in(response: types.GenerateContentResponse) -> list[bytes]:
    """Return the files of all images that are no thoughts."""
    shown = [part.inline_data for part in parts_of(response) if not part.thought]
    return [blob.data for blob in shown if blob is not None and blob.data is not None]


def image_in(response: types.GenerateContentResponse) -> Image.Image:
    """Return the one image, fully decoded."""
    [file] = files_in(response)
    return opened(file)


def images_in(response: types.GenerateImagesResponse) -> list[types.GeneratedImage]:
    """Return the entries of a response of Imagen."""
    return response.generated_images or []


def image_of(entry: types.GeneratedImage) -> Image.Image:
    """Return the image of an entry, fully decoded."""
    assert entry.image is not None
    assert entry.image.image_bytes is not None
    return opened(entry.image.image_bytes)


def small_file(width: int, height: int) -> bytes:
    """Return the file of a small image."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, "png")
    return file.getvalue()
