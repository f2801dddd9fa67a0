"""JPEG: its segments, its scans, and where its first image ends (ITU-T T.81, B.1; CIPA DC-007)."""

import re
import struct
from dataclasses import dataclass, field

from tintype_catalog.sizes import Size
from tintype_gateway.images.files import WINDOW_BYTES, Piece, Range, Reader, merged
from tintype_gateway.images.formats.exif import orientation_of
from tintype_gateway.images.formats.facts import Colors, InputFacts, PartCounter, checked_size

MAX_SCANS = 100
"""Scans of a progressive JPEG, each of which takes as long as a whole one. Encoders write ten."""

_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APP0, _APP1, _APP2, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a segment."""

_NO_FRAMES = frozenset({0xC4, 0xC8, 0xCC})
"""Markers among those of frame headers, SOF0 to SOF15, that mean something else."""

_PLAIN_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive frames with Huffman codes."""

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""What ends the data of a scan, in which 0xFF is followed by zero or a restart marker only."""

_JFIF_WITHOUT_THUMBNAIL = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
_COLORS: dict[int, Colors] = {1: "gray", 3: "rgb", 4: "cmyk"}


@dataclass
class _Found:
    """What was found in the segments up to here."""

    size: Size | None = None
    components: int = 3
    bits: int = 8
    is_plain: bool = True
    orientation: int | None = None
    is_multiple: bool = False
    scans: int = 0
    first: list[Piece] = field(default_factory=lambda: [Range(0, 2)])
    bare: list[Piece] = field(default_factory=lambda: [Range(0, 2)])


def inspect_jpeg(reader: Reader) -> InputFacts:
    """Return what a JPEG says of itself.

    Raises:
        ValueError: It is no whole JPEG, or decoders could take it for another image.
    """
    found, counter = _Found(), PartCounter()
    position = 2
    while True:
        head = reader.read(position, 4)
        if len(head) < 2 or head[0] != 0xFF:
            raise ValueError("the JPEG is damaged, or breaks off")
        marker = head[1]
        if marker == 0xFF or marker in _ALONE:
            counter.add(1)
            position += 1 if marker == 0xFF else 2
            continue
        if marker == _EOI:
            return _facts(found, reader, position)
        end = position + 2 + int.from_bytes(head[2:4])
        if marker == _SOI or end < position + 4 or end > reader.length:
            raise ValueError("the JPEG is damaged, or breaks off")
        counter.add(end - position)
        if marker == _SOS:
            end = _end_of_scan(reader, end, found)
        _take(found, reader, marker, Range(position, end))
        position = end


def _end_of_scan(reader: Reader, position: int, found: _Found) -> int:
    """Return where the next marker is."""
    if found.size is None:
        raise ValueError("the JPEG has no frame header before its scan")
    found.scans += 1
    if found.scans > MAX_SCANS:
        raise ValueError(f"the JPEG has more than {MAX_SCANS} scans")
    while piece := reader.read(position, WINDOW_BYTES):
        match = _MARKER.search(piece)
        if match:
            return position + match.start()
        position += max(len(piece) - 1, 1)
    raise ValueError("the JPEG breaks off")


def _take(found: _Found, reader: Reader, marker: int, segment: Range) -> None:
    if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES:
        _take_frame(found, marker, reader.read(segment.start + 4, 6))
    if not (_APP0 <= marker <= _APP15 or marker == _COM):
        found.first.append(segment)
        found.bare.append(segment)
        return
    label = reader.read(segment.start + 4, min(12, segment.length - 4))
    if marker == _APP2 and label.startswith(b"MPF\0"):
        found.is_multiple = True
        return
    found.first.append(segment)
    if marker == _APP1 and label.startswith(b"Exif\0") and found.orientation is None:
        found.orientation = orientation_of(reader.read(segment.start + 10, segment.length - 10))
    elif marker == _APP0 and label.startswith(b"JFIF\0"):
        has_thumbnail = segment.length != len(_JFIF_WITHOUT_THUMBNAIL)
        found.bare.append(_JFIF_WITHOUT_THUMBNAIL if has_thumbnail else segment)
    elif (marker == _APP2 and label == b"ICC_PROFILE\0") or (
        marker == _APP14 and label.startswith(b"Adobe")
    ):
        found.bare.append(segment)


def _take_frame(found: _Found, marker: int, frame: bytes) -> None:
    if found.size is not None:
        raise ValueError("the JPEG has two frame headers")
    if len(frame) < 6:
        raise ValueError("the JPEG breaks off")
    found.bits, height, width, found.components = struct.unpack(">BHHB", frame)
    found.size = checked_size(width, height)
    found.is_plain = marker in _PLAIN_FRAMES


def _facts(found: _Found, reader: Reader, end: int) -> InputFacts:
    if found.size is None or not found.scans:
        raise ValueError("the JPEG has no image")
    if found.components not in _COLORS:
        raise ValueError(f"the JPEG has {found.components} channels")
    last = Range(end, end + 2)
    bare = merged([*found.bare, last])
    return InputFacts(
        format="jpeg",
        size=found.size,
        length=reader.length,
        orientation=found.orientation or 1,
        colors=_COLORS[found.components],
        bits=found.bits,
        is_lossy=True,
        is_plain=found.is_plain,
        is_multiple=found.is_multiple,
        has_metadata=bare != (Range(0, reader.length),),
        first=merged([*found.first, last]),
        bare=bare,
    )
