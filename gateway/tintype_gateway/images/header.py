"""What the first bytes of a picture tell: its format and its size in pixels."""

import struct
from typing import NamedTuple

from tintype_catalog.sizes import Size
from tintype_gateway.images.encoded import decode

_FIRST_LOOK = 64
"""Base64 characters that hold the size of every PNG and WebP."""

_SHORTEST = 30
"""Bytes that hold the size of every PNG and WebP, and that every picture has."""

_LONG_LOOK = 1 << 20
"""Base64 characters in which a JPEG, whose size comes after its metadata, must show its size."""


class ImageHeader(NamedTuple):
    """Format, as in `output_format`, and size of a picture."""

    format: str
    size: Size


def read_header(encoded: bytes | memoryview) -> ImageHeader:
    """Return what the header of a base64-encoded picture says.

    Raises:
        ValueError: This is not the base64 text of a PNG, a JPEG or a WebP.
    """
    if len(encoded) % 4:
        raise ValueError("the base64 text is cut off")
    header = decode(encoded[:_FIRST_LOOK])
    if len(header) < _SHORTEST:
        raise ValueError("the picture is cut off")
    if header.startswith(b"\x89PNG\r\n\x1a\n") and header[12:16] == b"IHDR":
        return ImageHeader("png", _checked(*struct.unpack(">II", header[16:24])))
    if header.startswith(b"RIFF") and header[8:12] == b"WEBP":
        return ImageHeader("webp", _webp_size(header))
    if header.startswith(b"\xff\xd8"):
        return ImageHeader("jpeg", _jpeg_size(decode(encoded[:_LONG_LOOK])))
    raise ValueError("these are not the first bytes of a PNG, JPEG or WebP picture")


def _checked(width: int, height: int) -> Size:
    if not (0 < width < 65536 and 0 < height < 65536):
        raise ValueError(f"a picture cannot be {width}x{height}")
    return Size(width, height)


def _webp_size(header: bytes) -> Size:
    """Read the three forms of WebP: lossy, lossless and extended (RFC 9649)."""
    match header[12:16]:
        case b"VP8 ":
            width, height = struct.unpack("<HH", header[26:30])
            return _checked(width & 0x3FFF, height & 0x3FFF)
        case b"VP8L":
            bits = int.from_bytes(header[21:25], "little")
            return _checked((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8X":
            width = int.from_bytes(header[24:27], "little") + 1
            return _checked(width, int.from_bytes(header[27:30], "little") + 1)
    raise ValueError("this WebP picture has no known first chunk")


def _jpeg_size(header: bytes) -> Size:
    """Walk the segments to the frame header, SOF0 to SOF15 (ITU-T T.81, B.1.1.3)."""
    position = 2
    while position + 9 <= len(header) and header[position] == 0xFF:
        marker, length = header[position + 1], int.from_bytes(header[position + 2 : position + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", header[position + 5 : position + 9])
            return _checked(width, height)
        position += 2 + length
    raise ValueError("this JPEG picture shows no size")
