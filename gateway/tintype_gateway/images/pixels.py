"""The pixels of an uploaded image: upright, eight bits a channel, and in RGB or RGBA.

A file is opened by the one decoder of the format that its bytes show, and its pixels are decoded
only if that decoder sees the size which was read from the file before.
"""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from PIL import Image, ImageCms

from tintype_catalog.sizes import Size
from tintype_gateway.errors import GatewayError
from tintype_gateway.images.files import WINDOW_BYTES, ContentFile
from tintype_gateway.images.formats.facts import InputFacts
from tintype_gateway.values.content import Content

Transpose = Image.Transpose

_DECODERS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP", "gif": "GIF"}
_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What turns an image upright, by its EXIF orientation."""

_COLORED = frozenset({"RGB", "RGBA", "P", "PA"})
"""Modes of Pillow whose color profile also describes the image as RGB."""

_REDUCING_GAP = 3.0
"""How much larger than the result an image may be before it is averaged in whole steps."""


class DecoderMissingError(ValueError):
    """This installation has no decoder for the format."""


def pixels(content: Content, facts: InputFacts, size: Size | None = None) -> Image.Image:
    """Return an image as RGB or RGBA, upright, with its color profile in `info`.

    Args:
        content: The file, without further images.
        facts: What it says of itself.
        size: The size of the result, which is never larger; None: that of the image.

    Raises:
        DecoderMissingError: There is no decoder for it here.
        ValueError: It cannot be decoded.
        UnavailableError: Its file cannot be read.
    """
    target = size or facts.upright
    stored = Size(target.height, target.width) if facts.orientation >= 5 else target
    try:
        with _opened(content, facts) as image:
            image.draft(None, stored)  # a JPEG is decoded smaller at once
            image.load()
            info = image.info if image.mode in _COLORED else {**image.info, "icc_profile": None}
            plain = _in_rgb(image)
        if plain.size != stored:
            plain = smaller(plain, stored)
        if facts.orientation in _TURNS:
            plain = plain.transpose(_TURNS[facts.orientation])
    except (DecoderMissingError, GatewayError):
        raise
    except Exception as error:  # on damaged files Pillow raises anything, down to struct.error
        raise ValueError(f"it cannot be decoded: {error}") from error
    plain.info = info
    return plain


def smaller(image: Image.Image, size: Size) -> Image.Image:
    """Return an image in a smaller size."""
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)


def rgb_profile(info: Mapping[Any, Any]) -> bytes | None:
    """Return an image's color profile if it is meant for RGB (ICC.1:2022, 7.2.8)."""
    profile = info.get("icc_profile")
    return profile if isinstance(profile, bytes) and profile[16:20] == b"RGB " else None


@contextmanager
def _opened(content: Content, facts: InputFacts) -> Iterator[Image.Image]:
    name = _heic_decoder() if facts.format == "heic" else _DECODERS[facts.format]
    file = io.BufferedReader(ContentFile(content), WINDOW_BYTES)
    with Image.open(file, formats=(name,)) as image:
        if image.size != facts.size:
            raise ValueError("its decoder takes it for another image than its header shows")
        yield image


@cache
def _heic_decoder() -> str:
    """Return Pillow's name of HEIC. The decoder is loaded when the first image needs it."""
    try:
        import pi_heif
    except ImportError as error:
        raise DecoderMissingError("this gateway has no decoder for HEIC") from error
    pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    return "HEIF"


def _in_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of gray
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode == "CMYK":
        return _from_cmyk(image)
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _from_cmyk(image: Image.Image) -> Image.Image:
    """Return what is seen of inks: by their profile, or by the usual simple formula."""
    profile = image.info.get("icc_profile")
    if profile is None:
        return image.convert("RGB")
    try:
        inks = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        seen = ImageCms.profileToProfile(
            image, inks, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (OSError, ValueError, ImageCms.PyCMSError):
        seen = None
    return seen or image.convert("RGB")
