"""What is known of an uploaded image before it is decoded."""

from dataclasses import dataclass
from typing import Literal

from tintype_catalog.sizes import Size
from tintype_gateway.images.files import Piece, piece_length

FileFormat = Literal["png", "jpeg", "webp", "gif", "heic"]

Colors = Literal["gray", "rgb", "cmyk", "palette"]

MAX_INPUT_PIXELS = 1 << 26
"""The largest upload that is decoded: 67 million pixels, which phones of 48, 50 and 64 MP make."""

MAX_SMALL_PARTS = 1024
"""Parts of less than `SMALL_BYTES` that a file may have. Real ones have some dozens of them."""

SMALL_BYTES = 1024


@dataclass(frozen=True, slots=True)
class InputFacts:
    """The facts in the bytes of an image, which may contradict the declared type."""

    format: FileFormat
    size: Size
    """Width and height in pixels as the file stores them, before it is turned upright."""

    length: int
    """The bytes of the file."""

    orientation: int = 1
    """EXIF's: 1 is upright, 5 to 8 swap width and height. A decoder of HEIC turns by itself: 1."""

    colors: Colors = "rgb"
    bits: int = 8
    """Bits of a channel; of a palette's index in a palette image."""

    has_alpha: bool = False
    """Whether it can have transparent pixels."""

    is_lossy: bool = False
    """Whether its format loses details, so that another lossy one does no harm."""

    is_animated: bool = False
    """Whether it has more than one frame."""

    is_plain: bool = True
    """Whether every decoder knows this variant of its format."""

    is_multiple: bool = False
    """Whether further images follow in the file, as in a phone's MPO."""

    has_metadata: bool = False
    """Whether it holds more than the image: EXIF, XMP, IPTC, comments, thumbnails, a trailer."""

    first: tuple[Piece, ...] = ()
    """The file without further images, made of pieces of it. Empty: there is no such form."""

    bare: tuple[Piece, ...] = ()
    """The file with its pixels and color profile only. Empty: there is no such form."""

    @property
    def upright(self) -> Size:
        """The size in pixels as a viewer shows the image."""
        width, height = self.size
        return Size(height, width) if self.orientation >= 5 else self.size

    @property
    def bare_length(self) -> int:
        """The bytes of the file without metadata."""
        return sum(map(piece_length, self.bare)) or self.length


class PartCounter:
    """Counts the parts of a file, and refuses one that is made of very many tiny ones."""

    def __init__(self) -> None:
        self._small = 0

    def add(self, length: int) -> None:
        """Count a part of `size` bytes.

        Raises:
            ValueError: There are too many tiny ones.
        """
        self._small += length < SMALL_BYTES
        if self._small > MAX_SMALL_PARTS:
            raise ValueError(f"the file has more than {MAX_SMALL_PARTS} tiny parts")


def checked_size(width: int, height: int) -> Size:
    """Return a size.

    Raises:
        ValueError: The image has no pixels.
    """
    if width < 1 or height < 1:
        raise ValueError("the image has no pixels")
    return Size(width, height)
