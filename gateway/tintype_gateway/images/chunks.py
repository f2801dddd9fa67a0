"""The parts that a picture's file is made of, found by hopping from header to header."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tintype_gateway.images.encoded import EncodedBytes


class Chunk(NamedTuple):
    """One part of a file."""

    name: bytes
    """PNG's and WebP's chunk type, or the two bytes of a JPEG marker."""

    start: int
    """Where its content begins."""

    end: int
    """Where the next part begins, if the file is that long."""


def chunks(file: EncodedBytes, form: str) -> Iterator[Chunk]:
    """Yield the parts of a `png`, `jpeg` or `webp` file up to its end, or to where it breaks off.

    Of a JPEG these are the segments up to the first scan, whose length is not told.
    """
    return {"png": _png, "jpeg": _jpeg, "webp": _webp}[form](file)


def _png(file: EncodedBytes) -> Iterator[Chunk]:
    """Walk length, type, content and checksum (PNG, 5.3)."""
    position = 8
    while len(head := file.read(position, 8)) == 8:
        length, name = struct.unpack(">I4s", head)
        end = position + 12 + length
        yield Chunk(name, position + 8, end)
        position = end


def _jpeg(file: EncodedBytes) -> Iterator[Chunk]:
    """Walk the segments up to the start of the scan (ITU-T T.81, B.1.1)."""
    position = 2
    while len(head := file.read(position, 4)) == 4 and head[0] == 0xFF:
        end = position + 2 + int.from_bytes(head[2:])
        yield Chunk(head[:2], position + 4, end)
        if head[1] == 0xDA:
            return
        position = end


def _webp(file: EncodedBytes) -> Iterator[Chunk]:
    """Walk type, length, content and a byte that makes it even (RFC 9649, 2.3)."""
    position = 12
    while len(head := file.read(position, 8)) == 8:
        name, length = struct.unpack("<4sI", head)
        end = position + 8 + length + length % 2
        yield Chunk(name, position + 8, end)
        position = end
