"""Edits of images, such that a test can measure which pixels changed.

Pure. A region is an image in mode `L` of the size of the edited image: 0 keeps a pixel as it is,
255 replaces it, and the values between mix the two. All other images are in mode `RGB`.
"""

import hashlib
import math
from collections.abc import Sequence
from itertools import pairwise
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from tintype_simulator.painting.renderer import with_grain

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom lie outside."""

KEPT, REPLACED = 0, 255

LEAST_CHANGE = 64
"""How much a replaced pixel differs at least, in one channel: more than JPEG and WebP spoil."""


def replaced(source: Image.Image, fresh: Image.Image, region: Image.Image) -> Image.Image:
    """Return the source with the region replaced by other colors, taken from the fresh image.

    Each pixel whose region is 255 differs from the source by at least `LEAST_CHANGE`, and each one
    whose region is 0 is exactly the source's.
    """
    return Image.composite(unlike(fresh, source), source, region)


def unlike(fresh: Image.Image, source: Image.Image) -> Image.Image:
    """Return the fresh image, with another color where it is too much like the source."""
    red, green, blue = ImageChops.difference(fresh, source).split()
    difference = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    too_similar = difference.point([255 * (value < LEAST_CHANGE) for value in range(256)])
    shift = Image.new("RGB", source.size, (128, 128, 128))
    return Image.composite(ImageChops.add_modulo(source, shift), fresh, too_similar)


def inverted(region: Image.Image) -> Image.Image:
    """Return the region of all other pixels."""
    return ImageOps.invert(region)


def named_region(words: str, size: tuple[int, int], *, is_round: bool = True) -> Image.Image:
    """Return the region that words name: one of about a sixth of the image, the same each time."""
    random = Random(hashlib.sha256(words.encode(errors="surrogatepass")).digest())  # noqa: S311
    width, height = size
    left, top = random.uniform(0.05, 0.5) * width, random.uniform(0.05, 0.5) * height
    box = (left, top, left + 0.45 * width, top + 0.45 * height)
    region = Image.new("L", size, KEPT)
    pen = ImageDraw.Draw(region)
    (pen.ellipse if is_round else pen.rectangle)(box, fill=REPLACED)
    return region


def mixed(image: Image.Image, other: Image.Image, share: float) -> Image.Image:
    """Return an image with a share (0 to 1) of another one, which is scaled to its size."""
    return Image.blend(image, other.resize(image.size), share)


def outlined(fresh: Image.Image, source: Image.Image, strength: float) -> Image.Image:
    """Return the fresh image with the outlines of the source over it, the whiter the stronger."""
    outlines = source.convert("L").resize(fresh.size).filter(ImageFilter.FIND_EDGES)
    region = outlines.point([min(255, round(4 * strength * value)) for value in range(256)])
    return Image.composite(Image.new("RGB", fresh.size, "white"), fresh, region)


def striped(images: Sequence[Image.Image], size: tuple[int, int]) -> Image.Image:
    """Return an image of vertical stripes of the same width: one of each image, in their order."""
    canvas = Image.new("RGB", size)
    for image, box in zip(images, stripe_boxes((0, 0, *size), len(images)), strict=True):
        canvas.paste(image.resize(size).crop(box), box[:2])
    return canvas


def stripe_boxes(box: Box, count: int) -> list[Box]:
    """Return a box divided into columns of the same width, from left to right."""
    left, top, right, bottom = box
    edges = [left + (right - left) * index // count for index in range(count + 1)]
    return [(start, top, end, bottom) for start, end in pairwise(edges)]


def with_swatches(image: Image.Image, colors: Sequence[str]) -> Image.Image:
    """Return the image with a field of each color, side by side, in its upper eighth."""
    width, height = image.size
    fields = [Image.new("RGB", (1, 1), color) for color in colors]
    colored = image.copy()
    colored.paste(striped(fields, (width, height // 8)))
    return colored


def recolored(source: Image.Image, region: Image.Image) -> Image.Image:
    """Return the source with other hues in the region."""
    red, green, blue = source.split()
    return replaced(source, Image.merge("RGB", (blue, red, green)), region)


def cut_out(source: Image.Image) -> Image.Image:
    """Return the source in mode `RGBA`, with all but an ellipse in its middle transparent."""
    width, height = source.size
    subject = Image.new("L", source.size, 0)
    margin = (width // 8, height // 8)
    ImageDraw.Draw(subject).ellipse((*margin, width - margin[0], height - margin[1]), fill=255)
    cut = source.copy()
    cut.putalpha(subject)
    return cut


def upscaled(source: Image.Image, size: tuple[int, int], seed: str) -> Image.Image:
    """Return the source at a larger size, with grain, so that the file is as large as real ones."""
    larger = source.resize(size, Image.Resampling.BICUBIC)
    return with_grain(larger, Random(seed))  # noqa: S311 - images, not secrets


def size_of_area(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """Return the largest size of the same aspect ratio with at most that many pixels."""
    scale = math.sqrt(pixels / (size[0] * size[1]))
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))
