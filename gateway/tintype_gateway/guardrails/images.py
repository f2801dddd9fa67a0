"""Describes images for a policy service: digests, and small previews. Call it in a thread."""

import hashlib
import io
from typing import NamedTuple

import pybase64
from PIL import Image

from tintype_catalog.sizes import Size
from tintype_gateway.guardrails.protocol import PolicyImage
from tintype_gateway.images.base64_view import decode
from tintype_gateway.images.decoder import decoded
from tintype_gateway.images.formats.facts import InputFacts
from tintype_gateway.images.input_plan import Preparation, bytes_to_decode, fitted
from tintype_gateway.images.pixels import DecoderMissingError, pixels
from tintype_gateway.values.content import Content, InputImage, sha256_of
from tintype_gateway.values.images import FinishedImage

PREVIEW_EDGE = 512
"""The longer edge of a preview, in pixels."""

PREVIEW_QUALITY = 80
"""Of the JPEG, in percent."""

OPAQUE = 255
"""The alpha of what is not transparent at all."""


def input_described(index: int, image: InputImage) -> PolicyImage:
    """Return an image of a request, as the provider gets it, without a preview."""
    return PolicyImage(
        index=index,
        sha256=sha256_of(image.content),
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
    previews = _output_previews(image) if with_preview else Previews()
    return PolicyImage(
        index=index,
        sha256=hashlib.sha256(content).hexdigest(),
        format=image.format,
        bytes=len(content),
        width=image.size.width if image.size else None,
        height=image.size.height if image.size else None,
        **previews._asdict(),
    )


class Previews(NamedTuple):
    """The previews of an image, as `PolicyImage` has them: none if it cannot be drawn."""

    preview: str | None = None
    preview_colors: str | None = None
    preview_alpha: str | None = None


def input_previews(content: Content, facts: InputFacts) -> Previews:
    """Return the previews of an image of a request.

    Raises:
        UnavailableError: Its file cannot be read.
    """
    # what is transparent would lose its colors if it were made smaller; a JPEG has none
    size = _preview_size(facts) if facts.format == "jpeg" else None
    try:
        return _previews(pixels(content, facts, size))
    except (DecoderMissingError, ValueError):
        return Previews()


def preview_bytes(facts: InputFacts) -> int:
    """Return how much memory `input_previews` takes: an upper bound in bytes."""
    return bytes_to_decode(facts, Preparation("decode", "jpeg", _preview_size(facts)))


def _preview_size(facts: InputFacts) -> Size:
    return fitted(facts.upright, PREVIEW_EDGE, None)


def _output_previews(image: FinishedImage) -> Previews:
    try:
        with decoded(image.image.base64) as opened:
            return _previews(opened)
    except ValueError:
        return Previews()


def _previews(image: Image.Image) -> Previews:
    """Return the previews of an image, which is changed itself: no copy of it is kept.

    What is transparent has colors, which a server shows that ignores transparency, and a server
    with another background than white shows what is white on white here. So the parts of such an
    image have previews of their own.
    """
    if image.mode == "RGB":
        return Previews(_jpeg(image))
    image = image if image.mode == "RGBA" else image.convert("RGBA")
    alpha = image.getchannel("A")
    if alpha.getextrema() == (OPAQUE, OPAQUE):
        return Previews(_jpeg(image))
    colors = _jpeg(image.convert("RGB"))
    return Previews(_jpeg(image), colors, _jpeg(alpha))


def _jpeg(image: Image.Image) -> str:
    """Return an image as a small JPEG, what is transparent in white. It is changed itself."""
    image.thumbnail((PREVIEW_EDGE, PREVIEW_EDGE), reducing_gap=2.0)
    small = image
    if small.mode == "RGBA":
        small = Image.new("RGB", image.size, "white")
        small.paste(image, mask=image)
    small.info = {}
    file = io.BytesIO()
    small.save(file, "jpeg", quality=PREVIEW_QUALITY)
    return pybase64.b64encode(file.getvalue()).decode()
