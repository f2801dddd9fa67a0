"""Is this a whole image, and what does its file say of it?"""

from typing import NamedTuple

from tintype_gateway.images.container import ImageHeader, has_c2pa, is_whole, read_header
from tintype_gateway.images.decoder import ask_decoder


class Inspection(NamedTuple):
    """What the file of an image says of it."""

    header: ImageHeader
    has_c2pa: bool
    """Whether it carries Content Credentials; False as well where they were not looked for."""


def inspect_quickly(text: bytes | memoryview, *, find_c2pa: bool) -> Inspection:
    """Return what a base64-encoded image shows within a millisecond, as all usual ones do.

    Raises:
        ValueError: It does not, or it is no whole image.
    """
    header = read_header(text)
    if not is_whole(text, header.format):
        raise ValueError("it breaks off")
    return Inspection(header, find_c2pa and has_c2pa(text, header.format))


def inspect_fully(text: bytes | memoryview, *, find_c2pa: bool) -> Inspection:
    """Return what a base64-encoded image shows to one who reads all of it, and asks the decoder.

    Raises:
        ValueError: It is no whole image.
    """
    try:
        header = read_header(text, None)
    except ValueError as error:
        header = _header_by_decoder(text, error)
    if not is_whole(text, header.format, None):
        raise ValueError("it breaks off")
    return Inspection(header, find_c2pa and has_c2pa(text, header.format, None))


def _header_by_decoder(text: bytes | memoryview, error: ValueError) -> ImageHeader:
    """Return the header that Pillow reads, or raise the error of our own reading."""
    try:
        return ask_decoder(text)
    except ValueError:
        raise error from None
