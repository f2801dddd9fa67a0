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


async def painted_files(request: web.Request, order: ImageRequest) -> list[str]:
    """Return the files of all images, in base64."""
    return await asyncio.gather(
        *(in_painters(request, painted_file, order, index) for index in range(order.n))
    )


async def events(request: web.Request, order: ImageRequest) -> AsyncIterator[bytes]:
    """Yield the events of a stream: for each image its unfinished versions, then itself."""
    for index in range(order.n):
        image = await in_painters(request, painted, order, index)
        for partial in range(order.partial_images):
            share = (partial + 1) / (order.partial_images + 1)
            draft = await in_painters(request, unfinished_file, order, image, share)
            yield partial_image_event(order, draft, now(), partial)
        whole = await in_painters(request, file, order, image)
        yield completed_event(order, whole, now(), index)


def now() -> int:
    """Return the Unix time in seconds."""
    return int(time.time())


def image_spec(order: ImageRequest, index: int) -> ImageSpec:
    """Return what new paint looks like in the image at a place of the response."""
    return ImageSpec(
        seed=f"{order.model.id}/{order.seed}/{index}/{order.prompt}",
        caption=order.prompt,
        width=order.width,
        height=order.height,
        detail=DETAIL[order.quality],
        saturation=NATURAL_SATURATION if order.style == "natural" else 1.0,
        transparent=order.background == "transparent",
    )


def painted(order: ImageRequest, index: int) -> Image.Image:
    """Return the image at a place of the response."""
    spec = image_spec(order, index)
    return painted_edit(spec, order.inputs, order.region) if order.inputs else paint(spec)


def file(order: ImageRequest, image: Image.Image) -> str:
    """Return an image in the requested format and in base64."""
    if order.output_format == "gif":
        content = animated_gif(image, order.frame_count, order.frame_duration_ms)
    else:
        content = encode(image, order.output_format, order.output_compression)
        if not order.model.family.is_dall_e:
            content = with_manifest(content, order.output_format)
    return base64.b64encode(content).decode()


def painted_file(order: ImageRequest, index: int) -> str:
    """Return the file of the image at a place of the response."""
    if order.output_format == "svg":
        drawing = vector_image(image_spec(order, index), order.inputs)
        return base64.b64encode(drawing).decode()
    return file(order, painted(order, index))


def unfinished_file(order: ImageRequest, image: Image.Image, share: float) -> str:
    """Return the file of an image of which only a share is done."""
    return file(order, unfinished(image, share))
