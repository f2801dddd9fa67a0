"""The mask of an edit: OpenAI's convention comes in, each provider's own goes out.

What is transparent may change. Only the alpha channel counts, never the color under it, which
editors fill with anything. A mask is therefore always rendered anew, and never passed on.

    alpha            transparent pixels of a PNG with an alpha channel change (OpenAI)
    black_edits      black pixels change, white ones stay (Amazon's inpainting and try-on)
    white_edits      white pixels change, black ones stay (Amazon's outpainting, Imagen)
    luminance_edits  the brighter a pixel is, the more it changes (Stability)
"""

import io
from dataclasses import dataclass

from PIL import Image

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.sizes import Size
from tintype_gateway.images.files import AssembledContent
from tintype_gateway.images.formats.facts import MAX_INPUT_PIXELS, InputFacts
from tintype_gateway.images.input import Prepared
from tintype_gateway.images.input_error import InputImageError, beyond_limit
from tintype_gateway.images.input_inspection import inspect_input
from tintype_gateway.images.input_plan import BYTES_PER_PIXEL
from tintype_gateway.images.pixels import pixels
from tintype_gateway.values.content import BytesContent, InputImage, Upload

ALLOWED = "a mask is a PNG or WebP with an alpha channel, whose transparent pixels are edited"

_HALF = 128
"""The alpha from which a pixel stays, where there is nothing between changing and staying."""

_WITH_ALPHA = frozenset({"png", "webp"})
_OPAQUE = 255
_COPIES = 5


@dataclass(frozen=True, slots=True)
class CheckedMask:
    """A mask that was checked by what its file says."""

    upload: Upload
    facts: InputFacts

    @property
    def param(self) -> str:
        """Its field in the request."""
        return self.upload.param


def check_mask(upload: Upload, size: Size) -> CheckedMask:
    """Return a mask for an image of this size in pixels, upright. It may be opaque all the same.

    Raises:
        InputImageError: It has no alpha channel, it is animated, or it has another size.
    """
    facts, param = inspect_input(upload), upload.param
    if facts.format not in _WITH_ALPHA:
        raise InputImageError(param, f"is {facts.format.upper()}", ALLOWED)
    if not facts.has_alpha:
        raise InputImageError(param, "has no alpha channel", ALLOWED)
    if facts.is_animated:
        raise InputImageError(param, "is animated", ALLOWED)
    if facts.upright != size:
        sent = f"is {facts.upright} pixels, and image 1 is {size}"
        raise InputImageError(param, sent, "both must have the same size")
    if size.pixels > MAX_INPUT_PIXELS:
        raise beyond_limit(
            param, f"is {size} pixels", f"masks of up to {MAX_INPUT_PIXELS} pixels are accepted"
        )
    return CheckedMask(upload, facts)


def bytes_to_render(mask: CheckedMask) -> int:
    """Return how much memory rendering a mask takes, for admission: an upper bound in bytes."""
    return mask.facts.length + _COPIES * BYTES_PER_PIXEL * mask.facts.size.pixels


def render_mask(
    mask: CheckedMask,
    convention: MaskConvention,
    *,
    size: Size | None = None,
) -> Prepared:
    """Return a mask as a PNG without metadata, in a provider's convention.

    Args:
        mask: The mask.
        convention: How the provider reads it.
        size: The size in pixels in which image 1 is sent; None: the mask's own.

    Raises:
        InputImageError: It cannot be decoded, or all of it is opaque.
    """
    alpha = _alpha(mask)
    if alpha.getextrema()[0] == _OPAQUE:
        raise InputImageError(
            mask.param, "is opaque everywhere, so that nothing is edited", ALLOWED
        )
    sent = Size(*alpha.size)
    if size is not None and size != sent:
        alpha = alpha.resize(size, Image.Resampling.BOX)
    file = io.BytesIO()
    rendered(alpha, convention).save(file, "png", compress_level=6)
    return Prepared(InputImage(BytesContent(file.getvalue()), "png", Size(*alpha.size)), sent)


def rendered(alpha: Image.Image, convention: MaskConvention) -> Image.Image:
    """Return the image of a mask whose alpha channel (mode L) is given."""
    match convention:
        case "alpha":
            image = Image.new("RGBA", alpha.size)
            image.putalpha(alpha)
            return image
        case "black_edits":
            return alpha.point([_OPAQUE * (value >= _HALF) for value in range(256)])
        case "white_edits":
            return alpha.point([_OPAQUE * (value < _HALF) for value in range(256)])
        case "luminance_edits":
            return alpha.point([_OPAQUE - value for value in range(256)])


def _alpha(mask: CheckedMask) -> Image.Image:
    """Return the alpha channel of a mask, upright."""
    source = AssembledContent(mask.upload.content, mask.facts.bare)
    try:
        image = pixels(source, mask.facts)
    except ValueError as error:
        raise InputImageError(mask.param, "is damaged", str(error)) from error
    if image.mode != "RGBA":
        raise InputImageError(mask.param, "has no alpha channel", ALLOWED)
    alpha = image.getchannel("A")
    alpha.info = {}
    return alpha
