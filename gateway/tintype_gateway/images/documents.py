"""Formats that some providers make and that are never decoded: GIF and SVG.

They are passed on as they came. Their size is read where the file states it: a GIF in its header,
an SVG in its first element. No XML parser looks at an SVG, so that no entity is expanded.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from tintype_catalog.sizes import Size
from tintype_gateway.images.base64_view import EncodedBytes
from tintype_gateway.images.formats.gif import HEADER_BYTES, gif_size

HEAD_BYTES = 1 << 16
"""The first bytes of an SVG, in which its first element must end."""

_TAIL_BYTES = 4096
_MAX_EDGE = 1 << 20

_GIF_MARK = b"GIF8"
_GIF_END = b"\x3b"
_GIF_C2PA = b"C2PA_GIF"
_SVG_C2PA = b"c2pa:manifest"
"""How manifests are embedded (C2PA specification 2.2, A.3.2 and A.3.4)."""

_PROLOG = re.compile(r"\ufeff|\s+|<\?[^?]*\?>|<!DOCTYPE[^\[>]*>|<!--(?:[^-]|-(?!->))*-->")
_ROOT = re.compile(r"<(?:[\w.-]+:)?svg(?=[\s/>])")
_ATTRIBUTE = re.compile(r"\s+([\w:.-]+)\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)')")
_SVG_END = re.compile(rb"(?:</(?:[\w.-]+:)?svg\s*>|/>)\s*(?:<!--[^>]*-->\s*)*\Z")
_LENGTH = re.compile(r"\s*\+?(\d{1,7}(?:\.\d{0,9})?|\.\d{1,9})(px|in|cm|mm|pt|pc|Q)?\s*")
_NUMBERS = re.compile(r"[\s,]+")
_PIXELS = {"in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4, "pt": 96 / 72, "pc": 16.0, "Q": 96 / 101.6}
"""Pixels of a unit (CSS Values and Units 3, 6.2)."""


class Document(NamedTuple):
    """What the file of a GIF or an SVG says of it."""

    format: str
    size: Size | None
    """In pixels; None where an SVG states none."""

    has_c2pa: bool


def read_document(text: bytes | memoryview, *, find_c2pa: bool) -> Document | None:
    """Return what a base64-encoded GIF or SVG says of itself, None where this is neither.

    Raises:
        ValueError: It is one of them, and not whole or not sound.
    """
    file = EncodedBytes(text)
    head = file.read(0, HEAD_BYTES)
    if head.startswith(_GIF_MARK):
        size: Size | None = gif_size(head[:HEADER_BYTES])
        if not _tail(file).rstrip(b"\0").endswith(_GIF_END):
            raise ValueError("it breaks off")
        form, mark = "gif", _GIF_C2PA
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        size = svg_size(head)
        if not _SVG_END.search(_tail(file)):
            raise ValueError("it breaks off")
        form, mark = "svg", _SVG_C2PA
    else:
        return None
    return Document(form, size, find_c2pa and mark in file.read(0, len(file)))


def svg_size(head: bytes) -> Size | None:
    """Return the size that the first bytes of an SVG state, None where they state none.

    Raises:
        ValueError: These are not the first bytes of an SVG.
    """
    text, position = head.decode(errors="ignore"), 0
    while match := _PROLOG.match(text, position):
        position = match.end()
    root = _ROOT.match(text, position)
    if root is None:
        raise ValueError("its first element is not `svg`, or declarations come before")
    attributes, position = {}, root.end()
    while match := _ATTRIBUTE.match(text, position):
        attributes[match[1]] = match[2] if match[3] is None else match[3]
        position = match.end()
    if not text[position:].lstrip().startswith((">", "/>")):
        raise ValueError("its first element has no end")
    return _stated(attributes)


def _stated(attributes: Mapping[str, str]) -> Size | None:
    """Return the size by `width`, `height` and `viewBox` (SVG 2, 8.2 and 8.12)."""
    width, height = _pixels(attributes.get("width")), _pixels(attributes.get("height"))
    box = [_pixels(number) for number in _NUMBERS.split(attributes.get("viewBox", "").strip())[2:]]
    if len(box) == 2 and box[0] and box[1]:
        if width is None and height is None:
            width, height = box
        elif width is None and height is not None:
            width = height * box[0] / box[1]
        elif height is None and width is not None:
            height = width * box[1] / box[0]
    if width is None or height is None:
        return None
    size = Size(round(width), round(height))
    return size if min(size) >= 1 and max(size) <= _MAX_EDGE else None


def _pixels(length: str | None) -> float | None:
    match = _LENGTH.fullmatch(length or "")
    return None if match is None else float(match[1]) * _PIXELS.get(match[2], 1.0)


def _tail(file: EncodedBytes) -> bytes:
    return file.read(max(len(file) - _TAIL_BYTES, 0), _TAIL_BYTES)
