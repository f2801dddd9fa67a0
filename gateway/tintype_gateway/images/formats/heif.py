"""HEIC: the properties of the primary image (ISO/IEC 23008-12, ISO/IEC 14496-12)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tintype_catalog.sizes import Size
from tintype_gateway.images.files import Range, Reader
from tintype_gateway.images.formats.facts import InputFacts, checked_size

MAX_META_BYTES = 1 << 20
"""The box with all properties, of which a phone's photo of 48 tiles has some 4 KiB."""

_MAX_BOXES = 1024

_MAX_CROPPED = 64
"""Pixels of an edge that may be coded and not shown: the largest block of HEVC."""

_STILL = frozenset({b"heic", b"heix", b"heim", b"heis"})
_SEQUENCES = frozenset({b"hevc", b"hevx", b"hevm", b"hevs"})
_ALPHA = (b"urn:mpeg:hevc:2015:auxid:1\0", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")


class Box(NamedTuple):
    """The type and the content of a box."""

    name: bytes
    content: bytes


@dataclass
class _Meta:
    """What the `meta` box says."""

    primary: int = 0
    properties: list[Box] = field(default_factory=list)
    used: dict[int, list[int]] = field(default_factory=dict)
    """By item, the numbers of its properties, from 1 on."""


def is_heic(head: bytes) -> bool:
    """Return whether a file's first box names HEVC-coded images."""
    return head[4:8] == b"ftyp" and bool((_STILL | _SEQUENCES) & set(_brands(head)))


def is_avif(head: bytes) -> bool:
    """Return whether a file's first box names AV1-coded images.

    They are not decoded: a decoder makes room for the size in their coded data, which may be far
    beyond the one that the file states.
    """
    return head[4:8] == b"ftyp" and bool({b"avif", b"avis"} & set(_brands(head)))


def inspect_heic(reader: Reader) -> InputFacts:
    """Return what a HEIC says of its primary image. It has no form without metadata.

    Raises:
        ValueError: It is no such image.
    """
    meta = _parsed(_meta_box(reader))
    own = [
        meta.properties[number - 1]
        for number in meta.used.get(meta.primary, ())
        if 1 <= number <= len(meta.properties)
    ]
    by_name = {box.name: box.content for box in reversed(own)}
    extents = by_name.get(b"ispe", b"")[4:12]
    if len(extents) < 8:
        raise ValueError("the image shows no size")
    size = _cropped(checked_size(*struct.unpack(">II", extents)), by_name.get(b"clap"))
    turned = by_name.get(b"irot", b"\0")[:1] in (b"\1", b"\3")
    auxiliary = [box.content[4:] for box in meta.properties if box.name == b"auxC"]
    return InputFacts(
        format="heic",
        size=Size(size.height, size.width) if turned else size,
        length=reader.length,
        bits=max([8, *by_name.get(b"pixi", b"")[5:]]),
        has_alpha=any(text.startswith(_ALPHA) for text in auxiliary),
        is_lossy=True,
        is_animated=_brands(reader.read(0, 12))[0] in _SEQUENCES,
        has_metadata=True,
    )


def _cropped(coded: Size, aperture: bytes | None) -> Size:
    """Return what is shown of coded pixels, of which encoders add some that fill blocks."""
    if aperture is None:
        return coded
    if len(aperture) < 16:
        raise ValueError("the description of the image is damaged")
    width, per_width, height, per_height = struct.unpack(">4I", aperture[:16])
    size = checked_size(width // (per_width or 1), height // (per_height or 1))
    for shown, all_of in zip(size, coded, strict=True):
        if not all_of - _MAX_CROPPED < shown <= all_of:
            raise ValueError(f"it shows {size} pixels of {coded}, which is not supported")
    return size


def _brands(head: bytes) -> list[bytes]:
    """Return the major brand, and those that it is compatible with."""
    end = min(int.from_bytes(head[:4]), len(head))
    return [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]


def _meta_box(reader: Reader) -> bytes:
    """Return the content of the file's `meta` box, if the file has all its boxes."""
    position, meta = 0, Range(0, 0)
    for _ in range(_MAX_BOXES):
        if position == reader.length:
            break
        head = reader.read(position, 16)
        length, header = int.from_bytes(head[:4]), 8
        if length == 1:
            length, header = int.from_bytes(head[8:16]), 16
        length = length or reader.length - position
        if length < header or position + length > reader.length:
            raise ValueError("the image is damaged, or breaks off")
        if head[4:8] == b"meta":
            meta = Range(position + header, position + length)
        position += length
    if not 0 < meta.length <= MAX_META_BYTES:
        raise ValueError("it is not described, or its description is too long")
    return reader.read(meta.start, meta.length)


def boxes(data: bytes) -> Iterator[Box]:
    """Yield the boxes in the content of another one.

    Raises:
        ValueError: They are damaged, or very many.
    """
    position = 0
    for _ in range(_MAX_BOXES):
        if position >= len(data):
            return
        length = int.from_bytes(data[position : position + 4]) or len(data) - position
        if length < 8 or position + length > len(data):
            raise ValueError("the description of the image is damaged")
        yield Box(data[position + 4 : position + 8], data[position + 8 : position + length])
        position += length
    raise ValueError("the description of the image has too many parts")


def _parsed(meta: bytes) -> _Meta:
    result = _Meta()
    for box in boxes(meta[4:]):
        if box.name == b"pitm":
            width = 4 if box.content[:1] > b"\0" else 2
            result.primary = int.from_bytes(box.content[4 : 4 + width])
        elif box.name == b"iprp":
            for inner in boxes(box.content):
                if inner.name == b"ipco":
                    result.properties = list(boxes(inner.content))
                elif inner.name == b"ipma":
                    result.used |= _associations(inner.content)
    return result


def _associations(data: bytes) -> dict[int, list[int]]:
    """Return the numbers of each item's properties (ISO/IEC 23008-12, 9.3.2)."""
    id_bytes = 4 if data[:1] > b"\0" else 2
    width, mask = (2, 0x7FFF) if data[3:4] >= b"\1" and data[3] & 1 else (1, 0x7F)
    position, result = 8, dict[int, list[int]]()
    for _ in range(int.from_bytes(data[4:8])):
        if position >= len(data):
            raise ValueError("the description of the image is damaged")
        item = int.from_bytes(data[position : position + id_bytes])
        position += id_bytes
        count = int.from_bytes(data[position : position + 1])
        position += 1
        result[item] = [
            int.from_bytes(data[position + width * index : position + width * (index + 1)]) & mask
            for index in range(count)
        ]
        position += width * count
    return result
