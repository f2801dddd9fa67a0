"""Checks the images of an edit as OpenAI does, and decodes them. Pure, and slow: not for the loop.

The orientation that a photo's EXIF asks for is not applied: whether OpenAI does is not known, so
that an image which is not upright shows in the result.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from tintype_simulator.openai.errors import OpenAIError, invalid, invalid_image_file
from tintype_simulator.openai.models import EditRules

MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")
FORMATS = {"JPEG", "PNG", "WEBP"}
"""Pillow's names of them. Photos of phones that hold several images are `MPO`, and are refused."""

COLOR_MODES = {"1", "L", "LA", "P", "RGB", "RGBA"}
"""Pillow's names of what is taken: no CMYK, and 8 bits a channel at most."""

MAX_MASK_BYTES = 4 * 1024 * 1024
"""From the types of OpenAI's SDK; its guide says 50 MB."""

OPAQUE_FROM = 128
"""From this alpha on a mask protects a pixel. What half-transparent means OpenAI does not say."""


@dataclass(frozen=True)
class Upload:
    """A file of the request."""

    param: str
    """How errors name it."""

    media_type: str
    content: bytes


def opened_images(uploads: Sequence[Upload], rules: EditRules) -> tuple[Image.Image, ...]:
    """Return the input images of an edit, decoded.

    Raises:
        OpenAIError: One of them is not an image that the model takes.
    """
    for upload in uploads:
        check_file(upload, rules.max_image_bytes)
    images = tuple(decoded(upload, f"image {n}") for n, upload in enumerate(uploads, 1))
    first = images[0]
    if rules.requires_square_png and (first.format != "PNG" or first.width != first.height):
        raise invalid("image", "invalid_value", "The input image must be a square PNG.")
    return images


def opened_mask(upload: Upload, image: Image.Image) -> Image.Image:
    """Return the region that a mask marks: 255 where the image is to change, 0 where it is kept.

    Raises:
        OpenAIError: The mask is not a PNG with an alpha channel, of the image's size.
    """
    check_file(upload, MAX_MASK_BYTES)
    mask = decoded(upload, "mask")
    if mask.format != "PNG":
        raise refused_mask("mask must be a PNG")
    if not mask.has_transparency_data:
        raise refused_mask("mask image missing alpha channel")
    if mask.size != image.size:
        raise refused_mask("mask size does not match image size")
    return transparent_region(mask)


def opened_markup(upload: Upload, image: Image.Image) -> Image.Image:
    """Return the region that an overlay draws on: 255 where it does.

    Raises:
        OpenAIError: The overlay is not a PNG with transparent pixels, of the image's size.
    """
    check_file(upload, MAX_MASK_BYTES)
    overlay = decoded(upload, "markup")
    if overlay.format != "PNG" or not overlay.has_transparency_data:
        raise invalid("markup", "invalid_image_file", "Markup must be a transparent PNG.")
    if overlay.size != image.size:
        message = "Markup size does not match image size."
        raise invalid("markup", "invalid_image_file", message)
    clear = transparent_region(overlay)
    if clear.getbbox() is None:
        raise invalid("markup", "invalid_image_file", "Markup has no transparent pixels.")
    return clear.point(lambda value: 255 - value)


def check_file(upload: Upload, max_bytes: int) -> None:
    """Refuse a file whose declared type OpenAI does not know, or that is too large."""
    if upload.media_type not in MEDIA_TYPES:
        problem = f"unsupported mimetype ('{upload.media_type}')"
        supported = "Supported file formats are 'image/jpeg', 'image/png', and 'image/webp'."
        message = f"Invalid file '{upload.param}': {problem}. {supported}"
        raise invalid(upload.param, "unsupported_file_mimetype", message)
    if len(upload.content) >= max_bytes:
        message = f"Invalid file '{upload.param}': the file must be less than {max_bytes} bytes."
        raise invalid(upload.param, "file_too_large", message)


def decoded(upload: Upload, name: str) -> Image.Image:
    """Return the image in a file, or raise OpenAIError with the name by which OpenAI reports it."""
    try:
        image = Image.open(io.BytesIO(upload.content), formats=tuple(FORMATS))
        if image.format not in FORMATS or image.mode not in COLOR_MODES:
            raise invalid_image_file(name)
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise invalid_image_file(name) from error
    return image


def transparent_region(image: Image.Image) -> Image.Image:
    """Return 255 where an image is transparent, and 0 elsewhere."""
    alpha = image.convert("RGBA").getchannel("A")
    return alpha.point(lambda value: 0 if value >= OPAQUE_FROM else 255)


def refused_mask(problem: str) -> OpenAIError:
    """Return the response to a mask that is not one."""
    return OpenAIError(
        f"Invalid mask image format - {problem}",
        type="image_generation_user_error",
        code="invalid_image_file",
        param="mask",
    )
