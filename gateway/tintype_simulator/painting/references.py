"""Edits by a prompt, in which a test can see every input image and its place in the order. Pure.

With a region, it alone is painted anew, and every pixel outside is kept: a simplification, since
the models of OpenAI and Google draw the whole image again. Without one, the result shows its
inputs through a veil of new paint.
"""

from collections.abc import Sequence

from PIL import Image

from tintype_simulator.painting.edits import Box, mixed, striped, unlike
from tintype_simulator.painting.renderer import ImageSpec, paint

VEIL = 0.25
"""How much of an input is covered by new paint where no region is marked."""

BAND_SHARE = 16
"""The marks of several inputs take one part in 16 of the height."""


def painted_edit(
    image: ImageSpec, inputs: Sequence[Image.Image], region: Image.Image | None
) -> Image.Image:
    """Return the edited first input, at the size of `image`.

    Several inputs leave a mark each: the band along the top (`marked_band`) of the image, or of
    its region, has one stripe for each, in order.

    Args:
        image: What new paint looks like, and the size of the result.
        inputs: The input images in the order of the request, at least one.
        region: What is painted anew: mode L, 255 inside and 0 outside, as large as the first
            input; None where the request marks nothing.
    """
    fresh = paint(image)
    source = resized(opaque(inputs[0]), fresh.size)
    everything = Image.new("L", fresh.size, 255)
    canvas = mixed(source, opaque(fresh), VEIL) if region is None else unlike(opaque(fresh), source)
    inside = everything if region is None else region.resize(fresh.size, Image.Resampling.NEAREST)
    if len(inputs) > 1 and (box := inside.getbbox()):
        left, top, right, bottom = marked_band(box)
        marks = striped([opaque(mark) for mark in inputs], (right - left, bottom - top))
        canvas.paste(marks, (left, top))
    result = Image.composite(canvas, source, inside)
    if fresh.mode == "RGBA":
        result.putalpha(Image.composite(fresh.getchannel("A"), everything, inside))
    return result


def painted_stripes(image: ImageSpec, inputs: Sequence[Image.Image]) -> Image.Image:
    """Return an image of one upright stripe for each input, in order, under a veil of new paint."""
    fresh = paint(image)
    return mixed(striped([opaque(source) for source in inputs], fresh.size), fresh, VEIL)


def marked_band(box: Box) -> Box:
    """Return where the marks of several inputs are, in a box that is painted anew."""
    left, top, right, bottom = box
    return left, top, right, top + max(1, (bottom - top) // BAND_SHARE)


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the image at a size: the very same pixels, where it has that size."""
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)


def opaque(image: Image.Image) -> Image.Image:
    """Return an image in mode RGB, laid on white where it is transparent."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")
