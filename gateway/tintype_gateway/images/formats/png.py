"""PNG: its chunks (Portable Network Graphics, third edition, 5 and 11)."""

import struct

from tintype_gateway.images.files import Piece, Range, Reader, piece_length
from tintype_gateway.images.formats.exif import orientation_of
from tintype_gateway.images.formats.facts import Colors, InputFacts, PartCounter, checked_size

_SIGNATURE_BYTES = 8
_MAX_EXIF_BYTES = 1 << 16
_COLORS: dict[int, Colors] = {0: "gray", 2: "rgb", 3: "palette", 4: "gray", 6: "rgb"}
_BITS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_WITH_ALPHA = frozenset({4, 6})

_KEPT = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP"}
    | {b"mDCV", b"cLLI", b"sBIT", b"pHYs"}
)
"""What decides how the pixels look. All else is metadata, or frames of an animation."""


def inspect_png(reader: Reader) -> InputFacts:
    """Return what a PNG says of itself.

    Raises:
        ValueError: It is no whole PNG, or decoders could take it for another image.
    """
    counter, position, orientation, frames = PartCounter(), _SIGNATURE_BYTES, 1, 1
    bare, kept_from = list[Piece](), 0
    names: set[bytes] = set()
    name = b""
    while name != b"IEND":
        head = reader.read(position, 8)
        length = int.from_bytes(head[:4])
        end = position + 12 + length
        if len(head) < 8 or end > reader.length:
            raise ValueError("the PNG breaks off")
        name = head[4:]
        if (name == b"IHDR") != (not names):
            raise ValueError("a PNG has one IHDR chunk, which comes first")
        if name[0] & 0x20 == 0 and name not in _KEPT:
            raise ValueError("the PNG has an unknown critical chunk")
        counter.add(end - position)
        names.add(name)
        if name not in _KEPT:
            bare.append(Range(kept_from, position))
            kept_from = end
        if name == b"eXIf":
            exif = reader.read(position + 8, min(length, _MAX_EXIF_BYTES))
            orientation = orientation_of(exif)
        elif name == b"acTL":
            frames = int.from_bytes(reader.read(position + 8, 4))
        position = end
    if b"IDAT" not in names:
        raise ValueError("the PNG has no image")
    bare.append(Range(kept_from, position))
    pieces = tuple(piece for piece in bare if piece_length(piece))
    return _facts(reader, pieces, b"tRNS" in names, orientation, frames)


def _facts(
    reader: Reader, bare: tuple[Piece, ...], has_key: bool, orientation: int, frames: int
) -> InputFacts:
    width, height, bits, kind = struct.unpack(">IIBB", reader.read(_SIGNATURE_BYTES + 8, 10))
    if bits not in _BITS.get(kind, ()):
        raise ValueError("the PNG has unknown colors")
    if has_key and bits == 16:
        raise ValueError("a PNG of 16 bits with a transparent color is not supported")
    return InputFacts(
        format="png",
        size=checked_size(width, height),
        length=reader.length,
        orientation=orientation,
        colors=_COLORS[kind],
        bits=bits,
        has_alpha=has_key or kind in _WITH_ALPHA,
        is_animated=frames > 1,
        has_metadata=bare != (Range(0, reader.length),),
        first=(Range(0, reader.length),),
        bare=bare,
    )
