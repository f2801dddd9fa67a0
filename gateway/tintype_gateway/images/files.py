"""Files of images: random access to their bytes, and new files made of pieces of them."""

import io
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

from typing_extensions import Buffer, override

from tintype_gateway.values.content import Content

WINDOW_BYTES = 1 << 16
"""What is read at once, and kept while the next reads lie in it."""


class Range(NamedTuple):
    """Bytes of a file, from `start` up to `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes these are."""
        return self.end - self.start


Piece = bytes | Range
"""New bytes, or some of another file's."""


def piece_length(piece: Piece) -> int:
    """Return how many bytes a piece has."""
    return piece.length if isinstance(piece, Range) else len(piece)


def merged(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return the same bytes in as few pieces as possible."""
    result: list[Piece] = []
    for piece in pieces:
        last = result[-1] if result else None
        if isinstance(piece, Range) and isinstance(last, Range) and last.end == piece.start:
            result[-1] = Range(last.start, piece.end)
        else:
            result.append(piece)
    return tuple(result)


class AssembledContent:
    """Content made of pieces of another one, none of which is copied before it is read."""

    def __init__(self, source: Content, pieces: tuple[Piece, ...]) -> None:
        self._source = source
        self._pieces = pieces
        self._starts = [0, *accumulate(map(piece_length, pieces))]
        self.length = self._starts[-1]

    @property
    def is_in_memory(self) -> bool:
        """Whether to read it does not block."""
        return self._source.is_in_memory

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset` on: fewer where they end before."""
        return b"".join(self._parts(offset, min(offset + length, self.length)))

    def _parts(self, offset: int, stop: int) -> Iterator[bytes]:
        index = bisect_right(self._starts, offset) - 1
        while offset < stop:
            piece, first = self._pieces[index], offset - self._starts[index]
            wanted = min(stop, self._starts[index + 1]) - offset
            if isinstance(piece, Range):
                yield self._source.read(piece.start + first, wanted)
            else:
                yield piece[first : first + wanted]
            offset += wanted
            index += 1


class Reader:
    """Random access to content, with few reads where they are near each other."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._start = 0
        self._window = b""
        self.length = content.length

    def read(self, start: int, count: int) -> bytes:
        """Return up to `count` bytes from `start` on: fewer where the content ends before."""
        first = start - self._start
        if first >= 0 and first + count <= len(self._window):
            return self._window[first : first + count]
        if count >= WINDOW_BYTES:
            return self._content.read(start, count)
        self._start, self._window = start, self._content.read(start, WINDOW_BYTES)
        return self._window[:count]


class ContentFile(io.RawIOBase):
    """Content as a file that decoders can read."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._position = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._content.length}
        self._position = max(base[whence] + offset, 0)
        return self._position

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        data = self._content.read(self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)
