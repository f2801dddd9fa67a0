"""Describes images for a policy service: digests, and small previews. Call it in a thread."""

import hashlib
import io

import pybase64
from PIL import Image

from tintype_catalog.sizes import Size
from tintype_gateway.guardrails.protocol import PolicyImage
from tintype_gateway.images.base64_view import decode
from tintype_gateway.images.decoder import decoded
from tintype_gateway.images.formats.facts import InputFacts
from tintype_gateway.images.input_plan import Preparation, bytes_to_decode, fitted
from tintype_gateway.images.pixels import DecoderMissingError, pixels
from tintype_gateway.values.content import Content, InputImage
from tintype_gateway.values.images import FinishedImage

PREVIEW_EDGE = 512
"""The longer edge of a preview, in pixels."""

PREVIEW_QUALITY = 80
"""Of the JPEG, in percent."""


def input_described(index: int, image: InputImage) -> PolicyImage:
    """Return an image of a request, as the provider gets it, without a preview."""
    return PolicyImage(
        index=index,
        sha256=image.content.sha256,
        format=image.format,
        bytes=image.content.length,
        width=image.size.width,
        height=image.size.height,
    )


def output_described(index: int, image: FinishedImage, *, with_preview: bool) -> PolicyImage:
    """Return an image that a provider made, as it came.

    Raises:
        ValueError: It is not base64.
    """
    content = decode(image.image.base64)
    preview = _output_preview(image) if with_preview else None
    return PolicyImage(
        index=index,
        sha256=hashlib.sha256(content).hexdigest(),
        format=image.format,
        bytes=len(content),
        width=image.size.width if image.size else None,
        height=image.size.height if image.size else None,
        preview=preview,
    )


def input_preview(content: Content, facts: InputFacts) -> str | None:
    """Return the preview of an image of a request; None if it cannot be drawn.

    Raises:
        UnavailableError: Its file cannot be read.
    """
    try:
        return _jpeg(pixels(content, facts, _preview_size(facts)))
    except (DecoderMissingError, ValueError):
        return None


def preview_bytes(facts: InputFacts) -> int:
    """Return how much memory `input_preview` takes: an upper bound in bytes."""
    return bytes_to_decode(facts, Preparation("decode", "jpeg", _preview_size(facts)))


def _preview_size(facts: InputFacts) -> Size:
    return fitted(facts.upright, PREVIEW_EDGE, None)


def _output_preview(image: FinishedImage) -> str | None:
    try:
        with decoded(image.image.base64) as opened:
            return _jpeg(opened)
    except ValueError:
        return None


def _jpeg(image: Image.Image) -> str:
    """Return an image as a small JPEG. It is changed itself: no copy of it is made."""
    small = image if image.mode in ("RGB", "RGBA") else image.convert("RGBA")
    small.thumbnail((PREVIEW_EDGE, PREVIEW_EDGE), reducing_gap=2.0)
    if small.mode == "RGBA":
        flat = Image.new("RGB", small.size, "white")
        flat.paste(small, mask=small)
        small = flat
    small.info = {}
    file = io.BytesIO()
    small.save(file, "jpeg", quality=PREVIEW_QUALITY)
    return pybase64.b64encode(file.getvalue()).decode()
