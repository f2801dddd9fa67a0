"""The chunks of a body whose length is not known when its head is written (RFC 9112, 7.1).

aiohttp copies each part of a body to frame it. Here a chunk may begin before its bytes are known:
the parts that fill it are then written as they are.
"""

_LINE_END = b"\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


class Chunks:
    """Frames the parts of one body."""

    def __init__(self) -> None:
        self._start = b""
        """The first line of the chunk, if nothing of the chunk was written yet."""

        self._room = 0
        """The bytes that the chunk still takes."""

    def begin(self, length: int) -> None:
        """Begin a chunk of this length, which must be above 0, with the next part."""
        assert not self._room  # noqa: S101 - one part of a response announces a chunk
        self._start, self._room = b"%x\r\n" % length, length

    def framed(self, part: bytes | memoryview) -> bytes | memoryview:
        """Return what to write for a part: the part itself, in the middle of a chunk."""
        if not self._start and len(part) < self._room:
            self._room -= len(part)
            return part
        written: list[bytes | memoryview] = []
        while part:
            if not self._room:
                self.begin(len(part))
            inside, part = part[: self._room], part[self._room :]
            self._room -= len(inside)
            written += [self._start, inside, b"" if self._room else _LINE_END]
            self._start = b""
        return b"".join(written)

    def ended(self, part: bytes) -> bytes:
        """Return what to write for the last part. Spaces fill its chunk: JSON allows them there."""
        return b"".join([self.framed(part.ljust(self._room)), _LAST_CHUNK])
