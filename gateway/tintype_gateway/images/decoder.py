"""Opens and decodes images with Pillow, within limits.

A malicious file can make Pillow use much time and memory. The number of reads while Pillow opens a
file is therefore limited, and nothing is decoded before the size that the decoder will use was
checked.
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
"""The largest image that is decoded, twice the largest of any provider: 128 MiB as RGBA."""

MAX_READS = 20_000
"""The most reads while Pillow opens a file. Pillow skips some parts byte by byte."""

MAX_HEADER_TEXT = 16 << 20
"""The first base64 characters, in which Pillow must find the size of an unusual image."""

MAX_SCANS = 100
"""The most scans of a progressive JPEG. Each costs a full decode; encoders write ten."""

_START_OF_SCAN = b"\xff\xda"
_FORMATS = {"PNG": "png", "JPEG": "jpeg", "MPO": "jpeg", "WEBP": "webp"}
"""The formats by Pillow's names. An MPO is a JPEG followed by further images."""

Image.MAX_IMAGE_PIXELS = MAX_INPUT_PIXELS
"""Pillow's own bound, for all it opens: uploads may be larger than what providers make."""


def ask_decoder(text: bytes | memoryview) -> ImageHeader:
    """Return the header that Pillow reads from an image that `container.read_header` cannot read.

    This takes milliseconds: call it in a thread. For WebP, Pillow cannot read more than
    `read_header`.

    Raises:
        ValueError: Pillow cannot open the image, or it has more than `MAX_PIXELS`.
    """
    with _as_value_errors(), _opened(decode(text[:MAX_HEADER_TEXT]), ("png", "jpeg")) as image:
        return _header_of(image)


@contextmanager
def decoded(text: bytes | memoryview) -> Iterator[Image.Image]:
    """Return a decoded image.

    Raises:
        ValueError: The image cannot be decoded, has more than `MAX_PIXELS`, or the decoder reads
            another size or format than the header shows.
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
    except (
        Exception
    ) as error:  # Pillow raises many kinds of errors for damaged files, even struct.error
        raise ValueError(f"it cannot be decoded: {error}") from error


def _known_header(text: bytes | memoryview) -> ImageHeader | None:
    try:
        header = read_header(text, most_parts=None)
    except ValueError:
        return None
    _require_decodable(header.size)  # before Pillow opens it, which allocates the memory of a WebP
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
    """A file with a limited number of reads until Pillow has opened it."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.is_bounded = True
        self._reads = 0

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes.

        Raises:
            ValueError: The limit of reads is exceeded.
        """
        self._reads += self.is_bounded
        if self._reads > MAX_READS:
            raise ValueError("its beginning has too many parts")
        return super().read(size)
