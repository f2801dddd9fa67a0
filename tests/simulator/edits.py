"""Images and masks for the tests of edits."""

import io

from PIL import Image, ImageChops, ImageDraw

Box = tuple[int, int, int, int]

SIZE = (1024, 640)
"""The smallest image that gpt-image-2 paints, so that results keep its pixels."""

HOLE: Box = (100, 100, 400, 300)


def file(image: Image.Image, form: str = "png") -> bytes:
    """Return the file of an image."""
    content = io.BytesIO()
    image.save(content, form)
    return content.getvalue()


def plain(color: str, size: tuple[int, int] = SIZE, form: str = "png") -> bytes:
    """Return the file of an image in one color."""
    return file(Image.new("RGB", size, color), form)


def mask(size: tuple[int, int] = SIZE, hole: Box = HOLE, under: str = "white") -> bytes:
    """Return a mask with a transparent hole; `under` is the color below its alpha."""
    image = Image.new("RGBA", size, under)
    alpha = Image.new("L", size, 255)
    ImageDraw.Draw(alpha).rectangle((hole[0], hole[1], hole[2] - 1, hole[3] - 1), fill=0)
    image.putalpha(alpha)
    return file(image)


def changed_box(one: Image.Image, other: Image.Image) -> Box | None:
    """Return the smallest box that holds every pixel in which two images differ."""
    return ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getbbox()


def mean_color(image: Image.Image, box: Box | None = None) -> tuple[int, int, int]:
    """Return the mean color of an image, or of a box of it."""
    part = image.convert("RGB").crop(box or (0, 0, *image.size))
    red, green, blue = part.resize((1, 1), Image.Resampling.BOX).tobytes()
    return red, green, blue


def nearest(color: tuple[int, int, int], named: dict[str, tuple[int, int, int]]) -> str:
    """Return the name of the color that is most like this one."""
    return min(named, key=lambda n: sum((a - b) ** 2 for a, b in zip(color, named[n], strict=True)))
