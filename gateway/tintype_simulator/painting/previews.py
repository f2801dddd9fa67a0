"""Writes the formats that OpenAI previews: an animated GIF, and an SVG. Pure."""

import io
from collections.abc import Sequence
from random import Random
from xml.sax.saxutils import escape

from PIL import Image, ImageChops

from tintype_simulator.painting.renderer import ImageSpec, choose_palette
from tintype_simulator.painting.scenes import SCENES, Color, Disc, Palette, Polygon, Shape

GIF_COLORS = 64
MAX_FRAME_MS = 655_350
"""The longest time that a GIF can show a frame, which it counts in steps of 10 ms."""


def animated_gif(image: Image.Image, frames: int, frame_ms: int) -> bytes:
    """Return a GIF in which the image moves sideways, once through its width.

    Args:
        image: The first frame.
        frames: How many frames there are.
        frame_ms: How long each is shown, in milliseconds.
    """
    first = image.convert("RGB").quantize(GIF_COLORS)
    steps = [ImageChops.offset(first, image.width * k // frames, 0) for k in range(1, frames)]
    duration = min(MAX_FRAME_MS, max(10, round(frame_ms, -1)))
    file = io.BytesIO()
    first.save(file, "gif", save_all=True, append_images=steps, duration=duration, loop=0)
    return file.getvalue()


def vector_image(image: ImageSpec, inputs: Sequence[Image.Image] = ()) -> bytes:
    """Return an SVG of the scene, with the mean color of each input in a row along the top."""
    random = Random(image.seed)  # noqa: S311 - images, not secrets
    palette = choose_palette(random, image.saturation)
    shapes = [element(shape, image) for shape in random.choice(SCENES)(random, palette)]
    size = f'width="{image.width}" height="{image.height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'viewBox="0 0 {image.width} {image.height}">',
        f"<title>{escape(printable(image.caption))}</title>",
        *([] if image.transparent else [sky_element(palette)]),
        *shapes,
        *(swatch(source, index, image) for index, source in enumerate(inputs)),
        "</svg>",
    ]
    return "\n".join(lines).encode()


def element(shape: Shape, image: ImageSpec) -> str:
    """Return a shape of the unit square as an SVG element of the image's size."""
    match shape:
        case Polygon(points, color):
            corners = " ".join(f"{x * image.width:.1f},{y * image.height:.1f}" for x, y in points)
            return f'<polygon points="{corners}" fill="{hexadecimal(color)}"/>'
        case Disc((x, y), radius, color):
            radius *= min(image.width, image.height)
            center = f'cx="{x * image.width:.1f}" cy="{y * image.height:.1f}"'
            return f'<circle {center} r="{radius:.1f}" fill="{hexadecimal(color)}"/>'


def sky_element(palette: Palette) -> str:
    """Return the background."""
    return f'<rect width="100%" height="100%" fill="{hexadecimal(palette.horizon)}"/>'


def swatch(source: Image.Image, index: int, image: ImageSpec) -> str:
    """Return a square in the mean color of an input."""
    edge = image.width // 16
    mean = source.convert("RGB").resize((1, 1), Image.Resampling.BOX).tobytes()
    color = hexadecimal((mean[0], mean[1], mean[2]))
    return f'<rect x="{index * edge}" width="{edge}" height="{edge}" fill="{color}"/>'


def hexadecimal(color: Color) -> str:
    """Return a color as SVG writes it."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def printable(text: str) -> str:
    """Return a text without the control characters that XML does not allow."""
    return "".join(character for character in text if character.isprintable())
