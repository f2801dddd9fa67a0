"""Paints what an image request asks for, whole or as the events of a stream."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator

from aiohttp import web
from PIL import Image

from tintype_simulator.dialect import in_painters
from tintype_simulator.openai.request import ImageRequest
from tintype_simulator.openai.responses import completed_event, partial_image_event
from tintype_simulator.painting.content_credentials import with_manifest
from tintype_simulator.painting.previews import animated_gif, vector_image
from tintype_simulator.painting.references import painted_edit
from tintype_simulator.painting.renderer import ImageSpec, encode, paint, unfinished

DETAIL = {
    "low": 512,
    "standard": 1024,
    "medium": 1024,
    "hd": 1536,
    "high": 1536,
    "xhigh": 2048,
    "max": 2560,
}
"""What each quality buys: `ImageSpec.detail`."""

NATURAL_SATURATION = 0.6
"""How muted the style `natural` is; `vivid` is 1."""


async def painted_files(request: web.Request, image_request: ImageRequest) -> list[str]:
    """Return the files of all images, in base64."""
    return await asyncio.gather(
        *(
            in_painters(request, painted_file, image_request, index)
            for index in range(image_request.n)
        )
    )


async def events(request: web.Request, image_request: ImageRequest) -> AsyncIterator[bytes]:
    """Yield the events of a stream: for each image its unfinished versions, then itself."""
    for index in range(image_request.n):
        image = await in_painters(request, painted, image_request, index)
        for partial in range(image_request.partial_images):
            share = (partial + 1) / (image_request.partial_images + 1)
            draft = await in_painters(request, unfinished_file, image_request, image, share)
            yield partial_image_event(image_request, draft, now(), partial)
        whole = await in_painters(request, file, image_request, image)
        yield completed_event(image_request, whole, now(), index)


def now() -> int:
    """Return the Unix time in seconds."""
    return int(time.time())


def image_spec(image_request: ImageRequest, index: int) -> ImageSpec:
    """Return what new paint looks like in the image at a place of the response."""
    return ImageSpec(
        seed=f"{image_request.model.id}/{image_request.seed}/{index}/{image_request.prompt}",
        caption=image_request.prompt,
        width=image_request.width,
        height=image_request.height,
        detail=DETAIL[image_request.quality],
        saturation=NATURAL_SATURATION if image_request.style == "natural" else 1.0,
        transparent=image_request.background == "transparent",
    )


def painted(image_request: ImageRequest, index: int) -> Image.Image:
    """Return the image at a place of the response."""
    spec = image_spec(image_request, index)
    return (
        painted_edit(spec, image_request.inputs, image_request.region)
        if image_request.inputs
        else paint(spec)
    )


def file(image_request: ImageRequest, image: Image.Image) -> str:
    """Return an image in the requested format and in base64."""
    if image_request.output_format == "gif":
        content = animated_gif(image, image_request.frame_count, image_request.frame_duration_ms)
    else:
        content = encode(image, image_request.output_format, image_request.output_compression)
        if not image_request.model.family.is_dall_e:
            content = with_manifest(content, image_request.output_format)
    return base64.b64encode(content).decode()


def painted_file(image_request: ImageRequest, index: int) -> str:
    """Return the file of the image at a place of the response."""
    if image_request.output_format == "svg":
        drawing = vector_image(image_spec(image_request, index), image_request.inputs)
        return base64.b64encode(drawing).decode()
    return file(image_request, painted(image_request, index))


def unfinished_file(image_request: ImageRequest, image: Image.Image, share: float) -> str:
    """Return the file of an image of which only a share is done."""
    return file(image_request, unfinished(image, share))
