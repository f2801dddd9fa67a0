"""What a server paints, apart from how it was asked and how it responds."""

import asyncio
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from PIL import Image

from tintype_simulator.dialect import in_painters
from tintype_simulator.painting.references import painted_edit
from tintype_simulator.painting.renderer import ImageSpec, paint

_SIZE = re.compile(r"([1-9]\d{0,4})[xX*]([1-9]\d{0,4})", re.ASCII)


@dataclass(frozen=True)
class Job:
    """One request of a client, with its defaults resolved."""

    model: str
    prompt: str
    width: int
    height: int
    """The size in pixels."""

    n: int = 1
    """The number of images."""

    seed: int = 0
    """Decides the first image; the next ones have the numbers behind it."""

    inputs: tuple[Image.Image, ...] = ()
    """The images of an edit in the order of the request; the first is the one to edit."""

    region: Image.Image | None = None
    """What is painted anew: mode `L`, 255 inside and 0 outside. None where nothing is marked."""


async def painted(request: web.Request, job: Job) -> list[Image.Image]:
    """Return the images of a job, painted on the painters' threads."""
    return await asyncio.gather(
        *(in_painters(request, painted_image, job, index) for index in range(job.n))
    )


def painted_image(job: Job, index: int) -> Image.Image:
    """Return the image at a place of the response."""
    spec = ImageSpec(
        seed=f"{job.model}/{job.seed + index}/{job.prompt}",
        caption=job.prompt,
        width=job.width,
        height=job.height,
    )
    return painted_edit(spec, job.inputs, job.region) if job.inputs else paint(spec)


def size_of(text: str) -> tuple[int, int] | None:
    """Return width and height of a size such as `1024x768` or `1024*768`, None for another text."""
    match = _SIZE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def decoded(content: bytes) -> Image.Image:
    """Return the image in a file.

    Raises:
        ValueError: The file is not an image.
    """
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("cannot identify image file") from error
    return image


def white_region(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the region of a mask whose white pixels change, at a size. Alpha does not count."""
    return mask.convert("RGB").convert("L").resize(size, Image.Resampling.NEAREST)


def seed_of(fields: Mapping[str, object], drawn: int) -> int:
    """Return the seed that a request names, or the drawn one where it names none, or -1."""
    seed = fields.get("seed")
    return seed if isinstance(seed, int) and seed >= 0 else drawn
