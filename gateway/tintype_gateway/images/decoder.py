"""Images as Pillow opens them, within bounds, and only where it agrees with our own reading.

Pillow takes its time and memory by what a file says of itself. So it may read only so often while
it opens one, and nothing is decoded before the size that the decoder itself will use was checked.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image
from typing_extensions import override

from tintype_catalog.sizes import Size
from tintype_gateway.images.base64_view import decode
from tintype_gateway.images.container import ImageHeader, read_header, require_well_formed
from tintype_gateway.images.formats.facts import MAX_INPUT_PIXELS

MAX_PIXELS = 2**25
"""The largest image that is decoded, twice what any provider makes: 128 MiB as RGBA."""

MAX_READS = 20_000
"""How often Pillow may read while it opens a file. It does so byte by byte in what it skips."""

MAX_HEADER_TEXT = 16 << 20
"""Base64 characters in which Pillow must find the size of an image that ours cannot read."""

MAX_SCANS = 100
"""Scans of a progressive JPEG, each of which takes as long as a whole one. Encoders write ten."""

_START_OF_SCAN = b"\xff\xda"
_FORMATS = {"PNG": "png", "JPEG": "jpeg", "MPO": "jpeg", "WEBP": "webp"}
"""Our names of Pillow's formats. An MPO is a JPEG that further images follow."""

Image.MAX_IMAGE_PIXELS = MAX_INPUT_PIXELS
"""Pillow's own bound, for all it opens: uploads may be larger than what providers make."""


def ask_decoder(text: bytes | memoryview) -> ImageHeader:
    """Return what Pillow makes of the header of a base64-encoded image that ours cannot read.

    That takes milliseconds, so it belongs into a thread. Of WebP Pillow knows nothing more.

    Raises:
        ValueError: Pillow does not open it, or it has more pixels than are ever decoded.
    """
    with _as_value_errors(), _opened(decode(text[:MAX_HEADER_TEXT]), ("png", "jpeg")) as image:
        return _header_of(image)


@contextmanager
def decoded(text: bytes | memoryview) -> Iterator[Image.Image]:
    """Return an image with its pixels.

    Raises:
        ValueError: It cannot be decoded, it has more than `MAX_PIXELS`, or the decoder takes it
            for another image than its header shows.
    """
    with _as_value_errors():
        known = _known_header(text)
        formats = ("png", "jpeg") if known is None else (known.format,)
        content = decode(text)
        with _opened(content, formats) as image:
            shown = _header_of(image)
            if known not in (None, shown):
                raise ValueError(f"its header shows {known}, and its decoder {shown}")
            require_well_formed(text, shown.format)
            if shown.format == "jpeg" and content.count(_START_OF_SCAN) > MAX_SCANS:
                raise ValueError(f"it has more than {MAX_SCANS} scans")
            image.load()
            if image.size != shown.size:
                raise ValueError("its size changed while it was decoded")
            yield image


@contextmanager
def _as_value_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # on damaged files Pillow raises anything, down to struct.error
        raise ValueError(f"it cannot be decoded: {error}") from error


def _known_header(text: bytes | memoryview) -> ImageHeader | None:
    try:
        header = read_header(text, most_parts=None)
    except ValueError:
        return None
    _require_decodable(header.size)  # before Pillow opens it: for a WebP that takes the memory
    return header


def _header_of(image: Image.Image) -> ImageHeader:
    return ImageHeader(_FORMATS[image.format or ""], Size(*image.size))


def _require_decodable(size: Size) -> None:
    if size.pixels > MAX_PIXELS:
        raise ValueError(f"it has more than {MAX_PIXELS} pixels")


@contextmanager
def _opened(content: bytes, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    file = _BoundedFile(content)
    with Image.open(file, formats=formats) as image:
        file.is_bounded = False
        _require_decodable(Size(*image.size))
        yield image


class _BoundedFile(io.BytesIO):
    """A file that may be read only so often, until it has been opened."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.is_bounded = True
        self._reads = 0

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes.

        Raises:
            ValueError: It was read too often before.
        """
        self._reads += self.is_bounded
        if self._reads > MAX_READS:
            raise ValueError("its beginning has too many parts")
        return super().read(size)
