"""Which image is this, and what do its bytes say of it?"""

from collections.abc import Callable

from tintype_gateway.images.files import Reader
from tintype_gateway.images.formats.facts import InputFacts
from tintype_gateway.images.formats.gif import inspect_gif
from tintype_gateway.images.formats.heif import inspect_heic, is_avif, is_heic
from tintype_gateway.images.formats.jpeg import inspect_jpeg
from tintype_gateway.images.formats.png import inspect_png
from tintype_gateway.images.formats.webp import inspect_webp
from tintype_gateway.images.input_error import InputImageError
from tintype_gateway.values.content import Upload

ACCEPTED = "PNG, JPEG, WebP, HEIC and GIF images of one frame are accepted"

_FIRST_BYTES = 512

_REFUSED = (
    (b"II*\0", "TIFF image"),
    (b"MM\0*", "TIFF image"),
    (b"BM", "BMP image"),
    (b"\0\0\1\0", "icon"),
    (b"8BPS", "Photoshop document"),
    (b"%PDF", "PDF document"),
    (b"\xff\x0a", "JPEG XL image"),
    (b"\0\0\0\x0cJXL ", "JPEG XL image"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000 image"),
)
"""Formats that people try, so that the error can name them."""


def inspect_input(upload: Upload) -> InputFacts:
    """Return what the bytes of an image say of it. That reads the file: call it in a thread.

    Only the headers of its parts are read, and of a JPEG the coded pixels, to find its end.

    Raises:
        InputImageError: It is no whole image of a format that is accepted.
    """
    reader, param = Reader(upload.content), upload.param
    head = reader.read(0, _FIRST_BYTES)
    inspect = _inspector(head)
    if inspect is None:
        raise InputImageError(param, f"is {_kind(head)}", ACCEPTED)
    try:
        return inspect(reader)
    except ValueError as error:
        raise InputImageError(param, f"cannot be read ({error})", ACCEPTED) from error


def _inspector(head: bytes) -> Callable[[Reader], InputFacts] | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return inspect_png
    if head.startswith(b"\xff\xd8"):
        return inspect_jpeg
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return inspect_webp
    if head.startswith((b"GIF87a", b"GIF89a")):
        return inspect_gif
    return inspect_heic if is_heic(head) else None


def _kind(head: bytes) -> str:
    """Return what a file is that is refused."""
    if not head:
        return "empty"
    for magic, name in _REFUSED:
        if head.startswith(magic):
            return f"a {name}" if name[0] not in "aeio" else f"an {name}"
    if is_avif(head):
        return "an AVIF image"
    if b"<svg" in head.lower():
        return "an SVG image"
    return "not an image that is known here"
