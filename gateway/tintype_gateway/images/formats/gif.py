"""GIF: its blocks, up to the second frame (GIF89a specification, 15 to 26)."""

import struct

from tintype_catalog.sizes import Size
from tintype_gateway.images.files import Reader
from tintype_gateway.images.formats.facts import InputFacts, checked_size

HEADER_BYTES = 13

_MAX_BLOCKS = 1 << 18
"""Blocks, of at most 255 bytes each, that are walked: those of a frame of 64 MiB."""

_FRAME, _EXTENSION, _END, _CONTROL = 0x2C, 0x21, 0x3B, 0xF9


def inspect_gif(reader: Reader) -> InputFacts:
    """Return what a GIF says of itself.

    Raises:
        ValueError: It is no whole GIF.
    """
    size, position = gif_size(reader.read(0, HEADER_BYTES)), HEADER_BYTES
    position += _table_bytes(reader.read(10, 1)[0])
    frames, has_alpha = 0, False
    for _ in range(_MAX_BLOCKS):
        head = reader.read(position, 10)
        if head[:1] == bytes([_END]) and frames:
            break
        if len(head) < 4:
            raise ValueError("the GIF breaks off")
        if head[0] == _FRAME and len(head) == 10:
            frames += 1
            position += 11 + _table_bytes(head[9])
        elif head[0] == _EXTENSION:
            has_alpha |= head[1] == _CONTROL and bool(head[3] & 1)
            position += 2
        else:
            raise ValueError("the GIF is damaged")
        if frames > 1:
            break
        position = _after_data(reader, position)
    return InputFacts(
        format="gif",
        size=size,
        length=reader.length,
        colors="palette",
        has_alpha=has_alpha,
        is_animated=frames > 1,
        is_plain=False,
        has_metadata=True,
    )


def gif_size(header: bytes) -> Size:
    """Return the size in pixels in the first bytes of a GIF.

    Raises:
        ValueError: These are no such bytes.
    """
    if len(header) < HEADER_BYTES or header[:6] not in (b"GIF87a", b"GIF89a"):
        raise ValueError("these are not the first bytes of a GIF")
    return checked_size(*struct.unpack("<HH", header[6:10]))


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_data(reader: Reader, position: int) -> int:
    """Return where the blocks that begin at `position` end: an empty one is the last."""
    for _ in range(_MAX_BLOCKS):
        length = reader.read(position, 1)
        if not length:
            raise ValueError("the GIF breaks off")
        position += 1 + length[0]
        if not length[0]:
            return position
    raise ValueError("the GIF has too many parts")
