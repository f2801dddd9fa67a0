"""Input images in the body of a request: decoded, and held against the limits of a model.

Pure, but not fast: an image is really decoded, so call these functions in a thread.
"""

import base64
import io
from dataclasses import dataclass

from PIL import Image

from tintype_simulator.bedrock.errors import malformed

BLACK = (0, 0, 0)
WHITE = (255, 255, 255)
MOST_EDGE = 1_000_000

JPEG_TOLERANCE = 4
"""How far a JPEG of quality 100 may be from pure black or white: rounding does that."""


@dataclass(frozen=True)
class ImageLimits:
    """What an input image must be like. Edges and areas are in pixels."""

    formats: tuple[str, ...]
    """Pillow's names of the formats."""

    min_edge: int = 1
    max_edge: int = MOST_EDGE
    min_pixels: int = 1
    max_pixels: int = MOST_EDGE**2
    max_aspect_ratio: float = MOST_EDGE
    opaque: bool = False
    """Whether transparent pixels and more than eight bits a channel are refused."""

    def check(self, image: Image.Image, pointer: str) -> None:
        """Raise BedrockError if the image, of which only the header is read, breaks a limit."""
        width, height = image.size
        short, long, area = min(image.size), max(image.size), width * height
        if image.format not in self.formats:
            raise malformed(pointer, f"the image must be one of {', '.join(self.formats)}")
        if not (self.min_edge <= short and long <= self.max_edge):
            bounds = f"{self.min_edge} to {self.max_edge}"
            raise malformed(pointer, f"the sides {width}x{height} must be {bounds} pixels long")
        if not self.min_pixels <= area <= self.max_pixels:
            bounds = f"{self.min_pixels} to {self.max_pixels}"
            raise malformed(pointer, f"the image has {area} pixels, and must have {bounds}")
        if long > self.max_aspect_ratio * short:
            ratio = f"1:{self.max_aspect_ratio} to {self.max_aspect_ratio}:1"
            raise malformed(pointer, f"the aspect ratio of {width}x{height} must be {ratio}")


def decode(text: str, pointer: str, limits: ImageLimits) -> Image.Image:
    """Return the image in a field, in Pillow's own mode and not turned by EXIF.

    Raises:
        BedrockError: The field is not bare base64, or the image breaks a limit.
    """
    if text.startswith("data:"):
        raise malformed(pointer, "the image must be base64 without the prefix of a data URL")
    try:
        file = io.BytesIO(base64.b64decode(text, validate=True))
        image = Image.open(file, formats=("PNG", "JPEG", "WEBP"))
        limits.check(image, pointer)
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise malformed(pointer, "the image cannot be decoded") from error
    if limits.opaque:
        check_opaque(image, pointer)
    return image


def check_opaque(image: Image.Image, pointer: str) -> None:
    """Raise BedrockError if a pixel is transparent, or a channel has more than eight bits."""
    if image.mode.startswith(("I", "F")):
        raise malformed(pointer, "the image must have 8 bits a channel")
    if lowest(alpha(image)) < 255:
        raise malformed(pointer, "the image has pixels that are not opaque")


def decode_mask(text: str, pointer: str, limits: ImageLimits, image: Image.Image) -> Image.Image:
    """Return the mask of an image for Amazon's models, in mode `L`: only black and white.

    Raises:
        BedrockError: The mask is no such image, or has another size than the image.
    """
    mask = decode(text, pointer, limits)
    if mask.size != image.size:
        sizes = f"{mask.width}x{mask.height} pixels, and the image {image.width}x{image.height}"
        raise malformed(pointer, f"the mask has {sizes}")
    tolerance = JPEG_TOLERANCE if mask.format == "JPEG" else 0
    colors = snapped(mask.convert("RGB"), tolerance).getcolors(2)
    if colors is None or not {color for _, color in colors} <= {BLACK, WHITE}:
        raise malformed(pointer, "the mask must be pure black and white")
    return mask.convert("L").point([255 * (value >= 128) for value in range(256)])


def snapped(image: Image.Image, tolerance: int) -> Image.Image:
    """Return an image whose channels are black or white where they nearly were."""
    table = [
        0 if value <= tolerance else 255 if value >= 255 - tolerance else value
        for value in range(256)
    ]
    return image.point(table * len(image.getbands()))


def alpha(image: Image.Image) -> Image.Image:
    """Return the opacity of an image in mode `L`, 255 everywhere if it has no transparency."""
    return image.convert("RGBA").getchannel("A")


def lowest(band: Image.Image) -> int:
    """Return the lowest value of a channel."""
    return next(value for value, count in enumerate(band.histogram()) if count)
