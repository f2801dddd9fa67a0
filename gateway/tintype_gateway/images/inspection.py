"""Inspects images: format, size, completeness and Content Credentials."""

from typing import NamedTuple

from tintype_catalog.sizes import Size
from tintype_gateway.images.container import ImageHeader, has_c2pa, is_whole, read_header
from tintype_gateway.images.decoder import ask_decoder
from tintype_gateway.images.documents import read_document


class Inspection(NamedTuple):
    """The result of an inspection."""

    format: str
    """As in `output_format`."""

    size: Size | None
    """In pixels; None where an SVG states none."""

    has_c2pa: bool
    """Whether the image has Content Credentials; always False if `find_c2pa` was False."""


def inspect_quickly(text: bytes | memoryview, *, find_c2pa: bool) -> Inspection:
    """Inspect a base64-encoded image within about a millisecond, which is enough for usual images.

    Raises:
        ValueError: The image needs a full inspection, or it is not a complete image.
    """
    header = read_header(text)
    if not is_whole(text, header.format):
        raise ValueError("it breaks off")
    return Inspection(*header, find_c2pa and has_c2pa(text, header.format))


def inspect_fully(text: bytes | memoryview, *, find_c2pa: bool) -> Inspection:
    """Inspect a base64-encoded image of any structure, with Pillow if needed. Call it in a thread.

    Raises:
        ValueError: The text is not a complete image.
    """
    document = read_document(text, find_c2pa=find_c2pa)
    if document is not None:
        return Inspection(*document)
    try:
        header = read_header(text, None)
    except ValueError as error:
        header = _header_by_decoder(text, error)
    if not is_whole(text, header.format, None):
        raise ValueError("it breaks off")
    return Inspection(*header, find_c2pa and has_c2pa(text, header.format, None))


def _header_by_decoder(text: bytes | memoryview, error: ValueError) -> ImageHeader:
    """Return the header that Pillow reads, or raise the given error."""
    try:
        return ask_decoder(text)
    except ValueError:
        raise error from None
