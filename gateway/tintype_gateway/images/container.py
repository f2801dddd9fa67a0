"""Reads the container of an image file: format, size, completeness, and Content Credentials.

Only the headers of the file's parts are read: chunks of PNG and WebP, and segments of JPEG up to
the first scan. Walking from one part to the next costs a microsecond a part, independent of the
image's size. Files of real encoders have a few hundred parts; a file of very many tiny parts is
refused.

A C2PA manifest is a JUMBF box beside the pixels (C2PA specification 2.2, A.3): in a PNG a `caBX`
chunk, in a WebP a `C2PA` chunk, in a JPEG one or more APP11 segments. Its signature is not checked.
"""

import struct
from typing import Literal, NamedTuple

from tintype_catalog.sizes import Size
from tintype_gateway.images.base64_view import CUT_OFF, EncodedBytes, decode, decode_short

MAX_SMALL_PARTS = 1024
"""The most parts of less than `SMALL_BYTES` in a file. Real files have some dozens of them."""

SMALL_BYTES = 1024

QUICK_PARTS = 800
"""The parts that a walk passes in about a millisecond, which is acceptable on the event loop. A PNG
of 6 MiB in the smallest usual chunks has this number of parts."""

_FIRST_LOOK = 64
"""The first base64 characters, which contain the size of every PNG and WebP."""

_SHORTEST = 30
"""The first bytes, which contain the size of every PNG and WebP, and which every image has."""

_LAST_LOOK = 64
"""The last bytes of a file, which usually contain its end mark."""

LAST_BYTES = 3072
"""The last bytes of a JPEG, which must contain its end mark during pass-through."""

_WEBP_START = 12
"""The first bytes of a WebP, which contain its length."""

_LONGEST_LOOK = 1 << 16
"""The base64 characters that are decoded at once in the search for an end mark."""

_PNG_CHUNK = struct.Struct(">I4s")
"""Length and type, the beginning of a chunk (PNG, 5.3)."""

_PNG_END = b"IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"
_END_MARKS = {"png": _PNG_END, "jpeg": _JPEG_END}

_APP11 = 0xEB
_START_OF_SCAN = 0xDA
_NO_FRAMES = frozenset({0xC4, 0xC8, 0xCC})
"""Markers between SOF0 and SOF15 that are not frame headers."""

_JUMBF_HEADER = 64
"""The first bytes of an APP11 segment, which contain the label of its box (ISO 19566-5)."""


class ImageHeader(NamedTuple):
    """Format, as in `output_format`, and size of an image."""

    format: str
    size: Size


class LongWalkError(ValueError):
    """A file with more parts than the limit of the walk. A thread can walk through all of them."""


def read_header(encoded: bytes | memoryview, most_parts: int | None = QUICK_PARTS) -> ImageHeader:
    """Return the format and size in the header of a base64-encoded image.

    Args:
        encoded: The text, or its beginning.
        most_parts: The most parts of a JPEG before its size; None: any number.

    Raises:
        LongWalkError: There are more parts.
        ValueError: The text is not the base64 of a PNG, a JPEG or a WebP.
    """
    if len(encoded) % 4:
        raise ValueError(CUT_OFF)
    header = decode_short(encoded[:_FIRST_LOOK])
    if len(header) < _SHORTEST:
        raise ValueError("the image is cut off")
    if header.startswith(b"\x89PNG\r\n\x1a\n") and header[12:16] == b"IHDR":
        return ImageHeader("png", _checked(*struct.unpack(">II", header[16:24])))
    if header.startswith(b"RIFF") and header[8:12] == b"WEBP":
        return ImageHeader("webp", _webp_size(header))
    if header.startswith(b"\xff\xd8"):
        return ImageHeader("jpeg", _jpeg_size(EncodedBytes(encoded), most_parts))
    raise ValueError("these are not the first bytes of a PNG, JPEG or WebP image")


def is_whole(text: bytes | memoryview, form: str, most_parts: int | None = QUICK_PARTS) -> bool:
    """Return whether a base64-encoded image is complete.

    Some encoders append other bytes. If the end mark is not among the last bytes, this function
    searches for it.

    Args:
        text: The image.
        form: Its format.
        most_parts: The limit of the search: this number of parts, or the bytes of this number of
            smallest parts. None: no limit.

    Raises:
        LongWalkError: The search would exceed the limit.
        ValueError: The text is not base64, or the file does not have the format.
    """
    file = EncodedBytes(text)
    if form == "webp":
        return _webp_bytes(file.read(0, 12)) <= len(file)
    if _END_MARKS[form] in file.read(max(len(file) - _LAST_LOOK, 0), _LAST_LOOK):
        return True
    walk = Walk(form)
    _follow(walk, file, most_parts)
    if form == "png":
        return walk.has_end and walk.position <= len(file)
    if most_parts is not None and len(file) > most_parts * SMALL_BYTES:
        raise LongWalkError("the image has no end mark among its last bytes")
    return walk.has_end and _jpeg_ends(text, walk.position)


def has_c2pa(text: bytes | memoryview, form: str, most_parts: int | None = QUICK_PARTS) -> bool:
    """Return whether a base64-encoded `png`, `jpeg` or `webp` contains a C2PA manifest.

    Raises:
        LongWalkError: The file has more than `most_parts` parts (None: any number), and no manifest
            among the first of them.
        ValueError: The text is not base64, or the file does not have the format.
    """
    walk = Walk(form, until="c2pa")
    _follow(walk, EncodedBytes(text), most_parts)
    return walk.has_c2pa


def require_well_formed(text: bytes | memoryview, form: str) -> None:
    """Walk through a whole file, which is slow if it has many parts.

    Raises:
        ValueError: The text is not base64, or a decoder could take the file for another image
            than its header shows.
    """
    _follow(Walk(form), EncodedBytes(text), None)


class Scanner:
    """Checks an image in the same way during pass-through, in pieces that are cut anywhere.

    It decodes each piece while it is in the processor's cache, which checks every character and
    costs less than a search for what is not base64. It keeps some hundred bytes and the last
    `LAST_BYTES`. A JPEG with more than `LAST_BYTES` after its end mark counts as cut off, because
    its scan is not searched for the mark.

        scanner = Scanner(read_header(first).format)
        for piece in pieces:
            scanner.feed(piece)
        whole, marked = scanner.is_whole(), scanner.has_c2pa  # in this order
    """

    def __init__(self, form: str) -> None:
        self._form = form
        self._walk = Walk(form)
        self._group = b""
        """The characters of a group of four whose end has not arrived."""

        self._is_padded = False
        self._length = 0
        self._start = b""
        self._tail = b""
        self._pending = b""
        """The beginning of a part's header whose end has not arrived."""

    @property
    def has_c2pa(self) -> bool:
        """Whether a C2PA manifest was found so far."""
        return self._walk.has_c2pa

    def feed(self, piece: bytes | memoryview) -> None:
        """Scan the next piece of the base64 text.

        Raises:
            ValueError: The text is not base64, or a decoder could read the file as another image
                than its header shows.
        """
        text = memoryview(piece)
        if self._group:
            missing = 4 - len(self._group)
            self._group += text[:missing]
            text = text[missing:]
            if len(self._group) < 4:
                return
            self._scan(decode_short(self._group))
        end = len(text) // 4 * 4
        self._group = bytes(text[end:])
        if end:
            self._scan(decode(text[:end]))

    def is_whole(self) -> bool:
        """Return whether the image is complete, after its last piece.

        Raises:
            ValueError: See `feed`.
        """
        if self._group:
            raise ValueError(CUT_OFF)
        while not self._walk.is_over:
            self._walk.take(self._head(b"", self._length))
        if self._form == "webp":
            return _webp_bytes(self._start) <= self._length
        if _END_MARKS[self._form] in self._tail[-_LAST_LOOK:]:
            return True
        if self._form == "png":
            return self._walk.has_end and self._walk.position <= self._length
        scan = max(self._walk.position - (self._length - len(self._tail)), 0)
        return self._walk.has_end and self._tail.find(_JPEG_END, scan) >= 0

    def _scan(self, block: bytes) -> None:
        """Scan the next bytes of the file, which stand for whole groups of four characters."""
        if self._is_padded:
            raise ValueError("the base64 text goes on after its padding")
        self._is_padded = len(block) % 3 > 0
        before, self._length = self._length, self._length + len(block)
        self._start = (self._start + block[:_WEBP_START])[:_WEBP_START]
        self._tail = (self._tail + block[-LAST_BYTES:])[-LAST_BYTES:]
        walk = self._walk
        while not walk.is_over:
            head = self._head(block, before)
            if len(head) < walk.needs:
                self._pending = head
                return
            walk.take(head)
            walk.pass_pixels(block, before)

    def _head(self, block: bytes, before: int) -> bytes:
        """Return what is known of the next header; `before` is the offset of the block."""
        position, needs = self._walk.position, self._walk.needs
        if position >= before:
            return block[position - before : position - before + needs]
        begun = before - len(self._pending)
        return (self._pending + block[:needs])[position - begun :][:needs]


class Walk:
    """A walk through the parts of a file, from one header to the next.

    The caller passes each header: `needs` bytes from `position` on, or fewer at the end of the
    file. The walk therefore does not need the whole file at once.
    """

    def __init__(self, form: str, until: Literal["size", "c2pa", "end"] = "end") -> None:
        self._until = until
        self.position, self.needs, self._take = {
            "png": (8, 8, self._png),
            "jpeg": (2, 4 + _JUMBF_HEADER, self._jpeg),
            "webp": (12, 8, self._webp),
        }[form]
        self.size: Size | None = None
        """The size in pixels, after the frame header of a JPEG."""

        self.has_c2pa = False
        self.has_end = False
        """Whether the walk is at a PNG's last chunk, which ends at `position`, or a JPEG's scan."""

        self.is_over = False
        """Whether the walk has ended, at its goal or at the end of an incomplete file."""

        self._small = 0
        self._first = True

    def take(self, head: bytes) -> None:
        """Read the header at `position`, and move to the next one.

        Raises:
            ValueError: A decoder could read this file as another image than its header shows.
        """
        before = self.position
        self._take(head)
        if self.position - before < SMALL_BYTES:
            self._small += 1
            if self._small > MAX_SMALL_PARTS:
                raise ValueError(f"the file has more than {MAX_SMALL_PARTS} tiny parts")

    def pass_pixels(self, block: bytes, begins: int) -> None:
        """Pass a run of the usual parts of a PNG, of which an image of megabytes has hundreds.

        It ends before any other part, of which only `take` knows what it means.

        Args:
            block: Bytes of the file.
            begins: The offset of the first one.
        """
        at = self.position - begins
        if self._take != self._png or self._first or at < 0:
            return
        last = len(block) - _PNG_CHUNK.size
        while at <= last:
            length, name = _PNG_CHUNK.unpack_from(block, at)
            if name != b"IDAT" or length < SMALL_BYTES:
                break
            at += 12 + length
        self.position = begins + at

    def _png(self, head: bytes) -> None:
        """Pass length, type, content and checksum (PNG, 5.3)."""
        if len(head) < 8:
            self.is_over = True
            return
        name = head[4:8]
        self.position += 12 + int.from_bytes(head[:4])
        if (name == b"IHDR") != self._first:
            raise ValueError("a PNG has one IHDR chunk, which comes first")
        self._first = False
        if name == b"caBX":
            self._find_manifest()
        elif name == b"IEND":
            self.has_end = self.is_over = True

    def _webp(self, head: bytes) -> None:
        """Pass type, length, content and a byte that makes it even (RFC 9649, 2.3)."""
        if len(head) < 8:
            self.is_over = True
            return
        length = int.from_bytes(head[4:8], "little")
        self.position += 8 + length + length % 2
        if head[:4] == b"C2PA":
            self._find_manifest()

    def _jpeg(self, head: bytes) -> None:
        """Pass a segment (ITU-T T.81, B.1.1), of which any number of fill bytes may come before."""
        if len(head) < 4 or head[0] != 0xFF:
            self.is_over = True
            return
        marker = head[1]
        if marker == 0xFF:
            self.position += 1
            return
        length = int.from_bytes(head[2:4])
        self.position += 2 + length
        if marker == _START_OF_SCAN:
            self.has_end = self.is_over = True
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES and len(head) >= 9:
            self._frame(head)
        elif marker == _APP11:
            label = head[4 : min(2 + length, len(head))]
            if label.startswith(b"JP") and b"c2pa" in label:
                self._find_manifest()

    def _frame(self, head: bytes) -> None:
        height, width = struct.unpack(">HH", head[5:9])
        size = _checked(width, height)
        if self.size is not None:
            raise ValueError("a JPEG has one frame header before its scan")
        self.size = size
        self.is_over = self._until == "size"

    def _find_manifest(self) -> None:
        self.has_c2pa = True
        self.is_over = self.is_over or self._until == "c2pa"


def _follow(walk: Walk, file: EncodedBytes, most_parts: int | None) -> None:
    """Walk through a file to the end of the walk.

    Raises:
        LongWalkError: The file has more than `most_parts` parts.
        ValueError: The text is not base64, or the walk refuses the file.
    """
    remaining = -1 if most_parts is None else most_parts
    while not walk.is_over:
        if remaining == 0:
            raise LongWalkError("the file has many parts")
        remaining -= 1
        walk.take(file.read(walk.position, walk.needs))


def _checked(width: int, height: int) -> Size:
    if not (0 < width < 65536 and 0 < height < 65536):
        raise ValueError(f"an image cannot be {width}x{height}")
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
    raise ValueError("this WebP image has no known first chunk")


def _webp_bytes(header: bytes) -> int:
    """Return the length of a WebP file from its first 8 bytes."""
    return int.from_bytes(header[4:8], "little") + 8


def _jpeg_size(file: EncodedBytes, most_parts: int | None) -> Size:
    """Walk the segments to the frame header (ITU-T T.81, B.1.1.3)."""
    walk = Walk("jpeg", until="size")
    _follow(walk, file, most_parts)
    if walk.size is None:
        raise ValueError("this JPEG image shows no size")
    return walk.size


def _jpeg_ends(text: bytes | memoryview, scan: int) -> bool:
    """Search for the end mark, which no scan can contain, from the first scan on."""
    last = b""
    for start in range(scan // 3 * 4, len(text), _LONGEST_LOOK):
        piece = last + decode(text[start : start + _LONGEST_LOOK])
        if _JPEG_END in piece:
            return True
        last = piece[-1:]
    return False
