"""Input images for the simulated providers, and the pixels that an edit of them changed."""

import base64
import io
from typing import Any

from PIL import Image, ImageChops, ImageDraw

Size = tuple[int, int]
Box = tuple[int, int, int, int]


def photo(size: Size = (320, 320), mode: str = "RGB") -> Image.Image:
    """Return an image without two equal columns."""
    ramps = [
        Image.linear_gradient("L").rotate(angle).resize(size)
        for angle in range(0, 90 * len(mode), 90)
    ]
    return Image.merge(mode, ramps)


def mask(color: str, box: Box, rest: str, size: Size = (320, 320), mode: str = "RGB") -> Any:
    """Return a mask with a box of one color, and another color in the rest."""
    image = Image.new(mode, size, rest)
    ImageDraw.Draw(image).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=color)
    return image


def text(image: Image.Image, form: str = "png", **options: Any) -> str:
    """Return the base64 of an image's file, where `options` are those of Pillow's writer."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return base64.b64encode(file.getvalue()).decode()


def changed(before: Image.Image, after: Image.Image) -> Image.Image:
    """Return the pixels that differ, as an image in mode `L`: 255 where one does, and else 0."""
    bands = ImageChops.difference(before.convert("RGB"), after.convert("RGB")).split()
    loudest = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
    return loudest.point([0] + [255] * 255)


def share_changed(before: Image.Image, after: Image.Image) -> float:
    """Return the share of the pixels that differ."""
    differing = changed(before, after)
    return differing.histogram()[255] / (differing.width * differing.height)


def is_box(region: Image.Image, box: Box) -> bool:
    """Return whether a region is 255 in exactly this box, and 0 elsewhere."""
    expected = mask("white", box, "black", region.size, "L")
    return ImageChops.difference(region, expected).getbbox() is None
