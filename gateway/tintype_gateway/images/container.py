"""What the file of an image says of it: format, size, end, and Content Credentials.

Nothing is decoded but the headers of the parts that a file is made of: PNG's and WebP's chunks,
JPEG's segments up to its first scan. A walk hops from one to the next, so that it costs a
microsecond a part, whatever the image weighs. Files of real encoders have a few hundred parts; one
that is made of very many tiny ones is refused.

A C2PA manifest is a JUMBF box beside the pixels (C2PA specification 2.2, A.3): in a PNG a `caBX`
chunk, in a WebP a `C2PA` chunk, in a JPEG one or more APP11 segments. Its signature is not checked.
"""

import struct
from typing import Literal, NamedTuple

from tintype_catalog.sizes import Size
from tintype_gateway.images.base64_view import EncodedBytes, decode, decode_short

MAX_SMALL_PARTS = 1024
"""Parts of less than `SMALL_BYTES` that a file may have. Real ones have some dozens of them."""

SMALL_BYTES = 1024

QUICK_PARTS = 800
"""Parts that are walked in about a millisecond, which the event loop can spare. A PNG of 6 MiB,
written in the smallest chunks that are usual, has so many."""

_FIRST_LOOK = 64
"""Base64 characters that hold the size of every PNG and WebP."""

_SHORTEST = 30
"""Bytes that hold the size of every PNG and WebP, and that every image has."""

_LAST_LOOK = 64
"""Bytes at the end of a file that usually hold its end mark."""

LAST_CHARACTERS = 4096
"""Base64 characters at the end of a JPEG that must show its end mark, where it has passed."""

_WEBP_LENGTH = 16
"""Base64 characters at the beginning of a WebP that tell how long it is."""

_LONGEST_LOOK = 1 << 16
"""Base64 characters that are decoded at once, where an end mark has to be searched for."""

_PNG_END = b"IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"
_END_MARKS = {"png": _PNG_END, "jpeg": _JPEG_END}

_APP11 = 0xEB
_START_OF_SCAN = 0xDA
_NO_FRAMES = frozenset({0xC4, 0xC8, 0xCC})
"""Markers among those of frame headers, SOF0 to SOF15, that mean something else."""

_JUMBF_HEADER = 64
"""Bytes of an APP11 segment that hold the label of the box in it: ISO 19566-5 puts it first."""


class ImageHeader(NamedTuple):
    """Format, as in `output_format`, and size of an image."""

    format: str
    size: Size


class LongWalkError(ValueError):
    """A file with more parts than were to be walked. A further walk, off the loop, may reach it."""


def read_header(encoded: bytes | memoryview, most_parts: int | None = QUICK_PARTS) -> ImageHeader:
    """Return what the header of a base64-encoded image says.

    Args:
        encoded: The text, or as much of its beginning as is known.
        most_parts: How many parts of a JPEG may come before its size; None: any number.

    Raises:
        LongWalkError: There are more.
        ValueError: This is not the base64 text of a PNG, a JPEG or a WebP.
    """
    file = EncodedBytes(encoded)
    header = decode(encoded[:_FIRST_LOOK])
    if len(header) < _SHORTEST:
        raise ValueError("the image is cut off")
    if header.startswith(b"\x89PNG\r\n\x1a\n") and header[12:16] == b"IHDR":
        return ImageHeader("png", _checked(*struct.unpack(">II", header[16:24])))
    if header.startswith(b"RIFF") and header[8:12] == b"WEBP":
        return ImageHeader("webp", _webp_size(header))
    if header.startswith(b"\xff\xd8"):
        return ImageHeader("jpeg", _jpeg_size(file, most_parts))
    raise ValueError("these are not the first bytes of a PNG, JPEG or WebP image")


def is_whole(text: bytes | memoryview, form: str, most_parts: int | None = QUICK_PARTS) -> bool:
    """Return whether a base64-encoded image has its end.

    Some writers let other bytes follow. Only where the end mark is not among the last bytes it is
    searched for.

    Args:
        text: The image.
        form: Its format.
        most_parts: How long that search may be: so many parts, or the bytes of so many of the
            least size. None: any length.

    Raises:
        LongWalkError: It would be longer.
        ValueError: The text is not base64, or the file is none of its format.
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
    """Return whether there is a C2PA manifest in a base64-encoded `png`, `jpeg` or `webp`.

    Raises:
        LongWalkError: It has more than `most_parts` parts (None: any number), and no manifest
            among the first of them.
        ValueError: The text is not base64, or the file is none of its format.
    """
    walk = Walk(form, until="c2pa")
    _follow(walk, EncodedBytes(text), most_parts)
    return walk.has_c2pa


def require_well_formed(text: bytes | memoryview, form: str) -> None:
    """Walk through all of a file, which takes a while if it has many parts.

    Raises:
        ValueError: The text is not base64, or a decoder could take the file for another image
            than its header shows.
    """
    _follow(Walk(form), EncodedBytes(text), None)


class Scanner:
    """Finds out the same while the base64 of an image passes, in pieces that are cut anywhere.

    Of all that passed it keeps some hundred characters and the last `LAST_CHARACTERS`. For each
    piece it decodes the headers of the parts in it, and nothing of what they hold. A JPEG with more
    than the last of those characters behind its end mark counts as broken off, since looking for
    the mark further before would mean to decode all that passes.

        scanner = Scanner(read_header(first).format)
        for piece in pieces:
            scanner.feed(piece)
        whole, marked = scanner.is_whole(), scanner.has_c2pa  # in this order
    """

    def __init__(self, form: str) -> None:
        self._form = form
        self._walk = Walk(form)
        self._length = 0
        self._start = b""
        self._tail = b""
        self._pending = b""
        """The beginning of a part's header, whose end has not come yet."""

    @property
    def has_c2pa(self) -> bool:
        """Whether a C2PA manifest was found up to here."""
        return self._walk.has_c2pa

    def feed(self, piece: bytes | memoryview) -> None:
        """Take in the next piece of the base64 text.

        Raises:
            ValueError: What was looked at is not base64, or a decoder could take the file for
                another image than its header shows.
        """
        before, self._length = self._length, self._length + len(piece)
        if len(self._start) < _WEBP_LENGTH:
            self._start = (self._start + piece)[:_WEBP_LENGTH]
        if len(piece) >= LAST_CHARACTERS:
            self._tail = bytes(piece[-LAST_CHARACTERS:])
        else:
            self._tail = (self._tail + piece)[-LAST_CHARACTERS:]
        walk = self._walk
        while not walk.is_over:
            first = walk.position // 3 * 4
            end = -(-(walk.position + walk.needs) // 3) * 4
            if first >= self._length:
                self._pending = b""
                return
            if end > self._length:
                self._pending = self._known(first, self._length, piece, before)
                return
            if first >= before:
                text = piece[first - before : end - before]
            else:
                text = self._known(first, end, piece, before)
            walk.take(self._header(text))

    def is_whole(self) -> bool:
        """Return whether the image has its end, now that all of it has passed.

        Raises:
            ValueError: See `feed`.
        """
        if self._length % 4:
            raise ValueError("the base64 text is cut off")
        while not self._walk.is_over:
            first = self._walk.position // 3 * 4
            begun = self._length - len(self._pending)
            self._walk.take(self._header(self._pending[max(first - begun, 0) :]))
        length = self._length // 4 * 3 - self._tail[-2:].count(b"=")
        if self._form == "webp":
            return _webp_bytes(decode(self._start)) <= length
        if _END_MARKS[self._form] in decode(self._tail[-_LAST_LOOK // 3 * 4 :])[-_LAST_LOOK:]:
            return True
        if self._form == "png":
            return self._walk.has_end and self._walk.position <= length
        tail = decode(self._tail)
        scan = max(self._walk.position - (length - len(tail)), 0)
        return self._walk.has_end and tail.find(_JPEG_END, scan) >= 0

    def _known(self, first: int, end: int, piece: bytes | memoryview, before: int) -> bytes:
        """Return characters of the text, of which `before` came before this piece."""
        if first >= before:
            return bytes(piece[first - before : end - before])
        begun = before - len(self._pending)
        return self._pending[first - begun :] + bytes(piece[: max(end - before, 0)])

    def _header(self, text: bytes | memoryview) -> bytes:
        offset = self._walk.position % 3
        return decode_short(text)[offset : offset + self._walk.needs]


class Walk:
    """The way through the parts of a file, from the header of one to that of the next.

    It is given the header of each part in turn: `needs` bytes from `position` on, or fewer where
    the file ends before. So it does not matter whether all of the file is known at that time.
    """

    def __init__(self, form: str, until: Literal["size", "c2pa", "end"] = "end") -> None:
        self._until = until
        self.position, self.needs, self._take = {
            "png": (8, 8, self._png),
            "jpeg": (2, 4 + _JUMBF_HEADER, self._jpeg),
            "webp": (12, 8, self._webp),
        }[form]
        self.size: Size | None = None
        """The size in pixels, once the header of a JPEG's frame was passed."""

        self.has_c2pa = False
        self.has_end = False
        """Whether a PNG's last chunk, which ends at `position`, or a JPEG's scan was reached."""

        self.is_over = False
        """Whether it got where it should, or there is no further part: the file may break off."""

        self._small = 0
        self._first = True

    def take(self, head: bytes) -> None:
        """Take in the header at `position`, and move on to the next one.

        Raises:
            ValueError: A decoder could take this file for another image than its header shows.
        """
        before = self.position
        self._take(head)
        if self.position - before < SMALL_BYTES:
            self._small += 1
            if self._small > MAX_SMALL_PARTS:
                raise ValueError(f"the file has more than {MAX_SMALL_PARTS} tiny parts")

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
    """Walk through a file until the walk is over.

    Raises:
        LongWalkError: It has more parts than that.
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
    """Return how long a WebP is, as its first 8 bytes tell."""
    return int.from_bytes(header[4:8], "little") + 8


def _jpeg_size(file: EncodedBytes, most_parts: int | None) -> Size:
    """Walk the segments to the frame header (ITU-T T.81, B.1.1.3)."""
    walk = Walk("jpeg", until="size")
    _follow(walk, file, most_parts)
    if walk.size is None:
        raise ValueError("this JPEG image shows no size")
    return walk.size


def _jpeg_ends(text: bytes | memoryview, scan: int) -> bool:
    """Search for the end mark, which no scan can hold, from the first scan on."""
    last = b""
    for start in range(scan // 3 * 4, len(text), _LONGEST_LOOK):
        piece = last + decode(text[start : start + _LONGEST_LOOK])
        if _JPEG_END in piece:
            return True
        last = piece[-1:]
    return False
