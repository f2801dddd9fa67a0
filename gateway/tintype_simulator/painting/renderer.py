"""Paints images: the same specification always gives the same bytes.

Pure, and fast enough for load tests: a scene is drawn at the image's own level of detail
and scaled to its size, and PNG is compressed as little as it can be. Film grain makes the files as
large as real ones (about 1 MB for a 1024x1024 PNG); without it they would be tiny.
"""

import colorsys
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageOps

from tintype_simulator.painting.scenes import SCENES, Color, Disc, Palette, Polygon, Shape

GRAIN_BITS = 3
"""Grain brightens a pixel by less than 2 to this power: visible to a compressor, not to an eye."""

WHITE = (255, 255, 255)


@dataclass(frozen=True)
class ImageSpec:
    """Everything that decides what an image looks like."""

    seed: str
    """Decides the scene and its colors."""

    caption: str
    """Written small along the lower edge, as far as it fits."""

    width: int
    height: int
    """The size in pixels."""

    detail: int = 1024
    """Pixels of the longer edge while drawing: fewer is softer, more is crisper than the size."""

    saturation: float = 1.0
    """How strong the colors are: 0 is gray."""

    transparent: bool = False
    """Leaves the sky out, so that whatever lies below the image shows through."""


def paint(image: ImageSpec) -> Image.Image:
    """Return the image, in mode RGBA if it is transparent and RGB otherwise."""
    random = Random(image.seed)  # noqa: S311 - images, not secrets
    palette = choose_palette(random, image.saturation)
    shapes = tuple(random.choice(SCENES)(random, palette))
    size = (image.width, image.height)
    canvas = sky(palette, drawing_size(image))
    draw_shapes(canvas, shapes)
    drawing = with_grain(canvas.resize(size, Image.Resampling.BICUBIC), random)
    if image.transparent:
        silhouette = Image.new("L", canvas.size)
        draw_shapes(silhouette, [replace(shape, color=WHITE) for shape in shapes])
        drawing.putalpha(silhouette.resize(size, Image.Resampling.BICUBIC))
    write_caption(drawing, image.caption)
    return drawing


def encode(image: Image.Image, output_format: str, quality: int = 100) -> bytes:
    """Return the image as a `png`, `jpeg` or `webp` file.

    The encoders run at their fastest settings.

    Args:
        image: What to write.
        output_format: OpenAI's name of the format.
        quality: 0 to 100, how much of the image JPEG and WebP keep.
    """
    file = io.BytesIO()
    image.save(file, output_format, quality=quality, compress_level=1, method=0)
    return file.getvalue()


def unfinished(image: Image.Image, share: float) -> Image.Image:
    """Return the image as it looks when `share` (above 0, below 1) of the work is done: blurred."""
    grain_pixels = max(2, round(48 * (1 - share)))
    coarse = image.resize((image.width // grain_pixels + 1, image.height // grain_pixels + 1))
    return coarse.resize(image.size, Image.Resampling.BICUBIC)


def choose_palette(random: Random, saturation: float) -> Palette:
    """Return five colors around one hue and its warm neighbor."""
    hue = random.random()
    warm = hue + random.choice((-1, 1)) * random.uniform(0.08, 0.45)

    def color(hue: float, strength: float, value: float) -> Color:
        parts = colorsys.hsv_to_rgb(hue % 1, strength * saturation, value)
        red, green, blue = (round(255 * part) for part in parts)
        return red, green, blue

    return Palette(
        zenith=color(hue, 0.65, random.uniform(0.35, 0.8)),
        horizon=color(warm, 0.35, 0.98),
        light=color(warm, 0.2, 1.0),
        far=color(hue, 0.4, 0.7),
        near=color(hue + 0.04, 0.75, 0.16),
    )


def drawing_size(image: ImageSpec) -> tuple[int, int]:
    """Return the size that gives the image's longer edge as many pixels as its detail says."""
    scale = image.detail / max(image.width, image.height)
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))


def sky(palette: Palette, size: tuple[int, int]) -> Image.Image:
    """Return a gradient from the zenith down to the horizon."""
    ramp = Image.linear_gradient("L").resize(size)
    return ImageOps.colorize(ramp, palette.zenith, palette.horizon)


def draw_shapes(canvas: Image.Image, shapes: Sequence[Shape]) -> None:
    """Draw shapes over the canvas, each over the one before."""
    pen = ImageDraw.Draw(canvas)
    width, height = canvas.size
    for shape in shapes:
        fill = shape.color if canvas.mode == "RGB" else shape.color[0]
        match shape:
            case Polygon(points):
                pen.polygon([(x * width, y * height) for x, y in points], fill)
            case Disc((x, y), radius):
                pen.circle((x * width, y * height), radius * min(width, height), fill)


def with_grain(image: Image.Image, random: Random) -> Image.Image:
    """Return the image with a little noise in its brightness."""
    noise = Image.frombytes("L", image.size, random.randbytes(image.width * image.height))
    grain = noise.point([value >> (8 - GRAIN_BITS) for value in range(256)])
    return ImageChops.add(image, Image.merge("RGB", (grain, grain, grain)))


def write_caption(image: Image.Image, caption: str) -> None:
    """Write one line into the lower left corner, in ASCII: Pillow's own font has no more."""
    font = ImageFont.load_default(max(10, min(image.size) // 42))
    margin = max(4, min(image.size) // 64)
    ascii_only = unicodedata.normalize("NFKD", caption).encode("ascii", "ignore").decode()
    line = fitting(" ".join(ascii_only[:400].split()), font, max(0, image.width - 2 * margin))
    at = (margin, image.height - margin)
    ImageDraw.Draw(image).text(at, line, "white", font, "ls", stroke_width=1, stroke_fill="black")


def fitting(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """Return the line, cut to at most `width` pixels and then ended by dots, or an empty text."""
    shown = line
    while (length := font.getlength(shown)) > width:
        kept = min(len(shown) - 4, int(len(shown) * width / length) - 3)
        if kept < 1:
            return ""
        shown = line[:kept] + "..."
    return shown
