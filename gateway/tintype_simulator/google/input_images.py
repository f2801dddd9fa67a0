"""Decodes the images that a request carries. Pure, and slow: not for the event loop."""

import hashlib
import io
from typing import Any

from PIL import Image

from tintype_simulator.google.errors import GoogleError, invalid

MEDIA_TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
"""What Pillow calls each format."""

HEIF_TYPES = ("image/heic", "image/heif")
"""Gemini reads the photos of phones, too. Pillow does not: the simulator reads only their size."""


def opened_image(media_type: str, data: bytes, path: str) -> Image.Image:
    """Return the image in a file of this type.

    Args:
        media_type: What the request declares.
        data: The file.
        path: Where it is in the request, for the error.

    Raises:
        GoogleError: Gemini does not take the type, or the file is not of it.
    """
    if media_type in HEIF_TYPES:
        return heif_placeholder(data)
    if media_type not in MEDIA_TYPES:
        raise invalid(path, f"Unsupported MIME type: {media_type or '(none)'}")
    try:
        image = Image.open(io.BytesIO(data), formats=(MEDIA_TYPES[media_type],))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise unreadable() from error
    return image


def opened_part(blob: dict[str, Any], path: str) -> Image.Image:
    """Return the image in an `inlineData`, or raise GoogleError."""
    return opened_image(blob.get("mimeType", ""), blob.get("data", b""), path)


def heif_placeholder(data: bytes) -> Image.Image:
    """Return an image of a HEIF file's size, in a color that follows from its bytes.

    The size is in the property `ispe` (ISO/IEC 23008-12, 6.5.3): version and flags, then width and
    height in pixels, in four bytes each.
    """
    at = data.find(b"ispe")
    if data[4:8] != b"ftyp" or at < 0 or len(data) < at + 16:
        raise unreadable()
    width, height = (int.from_bytes(data[at + skip : at + skip + 4], "big") for skip in (8, 12))
    if not 0 < width * height <= 2**28:
        raise unreadable()
    red, green, blue = hashlib.sha256(data).digest()[:3]
    return Image.new("RGB", (width, height), (red, green, blue))


def unreadable() -> GoogleError:
    """Return the response to an image that cannot be decoded."""
    return GoogleError("Unable to process input image. Please retry or report in a bug report.")
