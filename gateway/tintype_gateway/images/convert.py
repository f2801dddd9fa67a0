"""Converts images between formats.

A conversion keeps the pixels, turned upright, and their color profile. It drops all other metadata,
such as EXIF, XMP and comments, and any C2PA manifest, whose signature would be invalid anyway. JPEG
has no transparency: a transparent background becomes white.
"""

import io
from typing import Any, NamedTuple

from PIL import Image, ImageOps

from tintype_catalog.sizes import Size
from tintype_gateway.images.decoder import decoded
from tintype_gateway.values.job import Encoding

FINE_CHROMA_FROM = 90
"""The quality from which a JPEG keeps its colors at full resolution."""

_COLORED = frozenset({"RGB", "RGBA", "P", "PA"})
"""Modes of Pillow whose color profile also describes the image as RGB."""


class Converted(NamedTuple):
    """An image in its new format."""

    content: bytes
    size: Size


def convert(text: bytes | memoryview, encoding: Encoding) -> Converted:
    """Return a base64-encoded image in the format of `encoding`.

    Raises:
        ValueError: The image cannot be decoded, or it is too large.
    """
    with decoded(text) as image:
        return _converted(image, encoding)


def _converted(image: Image.Image, encoding: Encoding) -> Converted:
    profile = image.info.get("icc_profile") if image.mode in _COLORED else None
    ImageOps.exif_transpose(image, in_place=True)
    converted = _in_colors(image, encoding.format == "jpeg")
    converted.info = {}
    file = io.BytesIO()
    converted.save(file, encoding.format, icc_profile=profile, **_options(encoding))
    return Converted(file.getvalue(), Size(*converted.size))


def _in_colors(image: Image.Image, opaque: bool) -> Image.Image:
    if not image.has_transparency_data:
        return _in_mode(image, "RGB")
    transparent = _in_mode(image, "RGBA")
    if not opaque:
        return transparent
    flat = Image.new("RGB", transparent.size, "white")
    flat.paste(transparent, mask=transparent)
    return flat


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Return an image in a mode; unlike Pillow's `convert`, do not copy one that has the mode."""
    return image if image.mode == mode else image.convert(mode)


def _options(encoding: Encoding) -> dict[str, Any]:
    """Return the encoder's options: fast ones, because clients wait for the image."""
    percent = 100 if encoding.compression is None else encoding.compression
    match encoding.format:
        case "jpeg":
            subsampling = "4:4:4" if percent >= FINE_CHROMA_FROM else "4:2:0"
            return {"quality": percent, "subsampling": subsampling}
        case "webp":
            return {"quality": percent, "method": 2}
    return {"compress_level": 3}
