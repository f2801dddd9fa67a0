"""WebP: its chunks (RFC 9649, 2)."""

from tintype_catalog.sizes import Size
from tintype_gateway.images.files import Piece, Range, Reader, merged, piece_length
from tintype_gateway.images.formats.exif import orientation_of
from tintype_gateway.images.formats.facts import InputFacts, PartCounter, checked_size

_HEADER_BYTES = 12
_MAX_EXIF_BYTES = 1 << 16
_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"ANIM", b"ANMF"})
_ANIMATION, _XMP, _EXIF, _ALPHA = 0x02, 0x04, 0x08, 0x10
_EXIF_PREFIX = b"Exif\0\0"
"""Some writers put it before the metadata, as in a JPEG."""


def inspect_webp(reader: Reader) -> InputFacts:
    """Return what a WebP says of itself.

    Raises:
        ValueError: It is no whole WebP.
    """
    counter, position, orientation, frames = PartCounter(), _HEADER_BYTES, 1, 0
    stated = 8 + int.from_bytes(reader.read(4, 4), "little")
    if stated > reader.length:
        raise ValueError("the WebP breaks off")
    bare: list[Piece] = []
    chunks: dict[bytes, bytes] = {}
    while position + 8 <= stated:
        head = reader.read(position, 18)
        name, length = head[:4], int.from_bytes(head[4:8], "little")
        chunk = Range(position, position + 8 + length + length % 2)
        if chunk.end > stated:
            raise ValueError("the WebP breaks off")
        counter.add(chunk.length)
        frames += name == b"ANMF"
        if name == b"EXIF":
            exif = reader.read(position + 8, min(length, _MAX_EXIF_BYTES))
            orientation = orientation_of(exif.removeprefix(_EXIF_PREFIX))
        if name in _KEPT:
            bare += _without_flags(head, chunk) if name == b"VP8X" else [chunk]
        chunks.setdefault(name, head[8:])
        position = chunk.end
    size, has_alpha, is_lossy = _appearance(chunks)
    kept = merged(bare)
    length = sum(map(piece_length, kept))
    has_metadata = _HEADER_BYTES + length != reader.length
    riff = b"RIFF" + (4 + length).to_bytes(4, "little") + b"WEBP"
    return InputFacts(
        format="webp",
        size=size,
        length=reader.length,
        orientation=orientation,
        has_alpha=has_alpha,
        is_lossy=is_lossy,
        is_animated=frames > 1,
        is_plain=not frames,
        has_metadata=has_metadata,
        first=(Range(0, reader.length),),
        bare=(riff, *kept),
    )


def _without_flags(head: bytes, chunk: Range) -> list[Piece]:
    """Return a VP8X chunk that announces no metadata."""
    flags = head[8] & ~(_EXIF | _XMP)
    return [head[:8] + bytes([flags]), Range(chunk.start + 9, chunk.end)]


def _appearance(chunks: dict[bytes, bytes]) -> tuple[Size, bool, bool]:
    """Return size, whether there is an alpha channel, and whether details are lost."""
    first = next(iter(chunks), b"")
    head = chunks.get(first, b"")
    if len(head) < 10:
        raise ValueError("the WebP has no image")
    match first:
        case b"VP8 ":
            width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (6, 8))
            return checked_size(width, height), False, True
        case b"VP8L":
            bits = int.from_bytes(head[1:5], "little")
            size = checked_size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
            return size, bool(bits >> 28 & 1), False
        case b"VP8X":
            width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (4, 7))
            is_lossy = b"VP8L" not in chunks
            return checked_size(width, height), bool(head[0] & _ALPHA), is_lossy
    raise ValueError("the WebP has no known first chunk")
