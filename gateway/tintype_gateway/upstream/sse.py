"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

An event carries megabytes of base64 in one line. The parser therefore copies each line once, from
the chunks that arrive, and does not inspect its content.
"""

import json
from collections.abc import Iterator, Mapping

MEDIA_TYPE = "text/event-stream"

Pieces = tuple[bytes | memoryview, ...]
"""The parts of an event in order: an image stays a view of the buffer that it arrived in."""

PING: Pieces = (b": ping\n\n",)
"""A comment, which every client skips: it keeps idle proxies from closing the connection."""


MAX_LINES = 10_000
"""The most lines of one stream. Providers send a few hundred, most of them keep-alives."""

LINES_AT_ONCE = 256
"""The number of lines that the parser reads within a fraction of a millisecond."""


class EndlessEventError(Exception):
    """An event exceeds the size limit, or a stream the limit of lines."""


class EventParser:
    """Gathers the `data` of events from the chunks of a stream.

    Other fields of an event are ignored: the providers repeat its name in the data. An incomplete
    event at the end of the stream is dropped, as the standard says.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._remaining_lines = MAX_LINES
        self._line: list[bytes | memoryview] = []
        self._line_size = 0
        self._after_return = False
        self._event = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytearray | None]:
        """Yield the data of each event that a chunk completes.

        Yields None after every `LINES_AT_ONCE` lines, so that the caller can run other tasks.

        Raises:
            EndlessEventError: An event exceeds the limit, or the stream `MAX_LINES`.
        """
        for number, line in enumerate(self._lines(chunk), 1):
            if line:
                self._add(line)
            elif self._event:
                yield self._event
                self._event = bytearray()
            if number % LINES_AT_ONCE == 0:
                yield None
        if self._line_size + len(self._event) > self._limit:
            raise EndlessEventError

    def _add(self, line: bytearray) -> None:
        """Add the data of a line to the event. A bytearray drops its first bytes without a copy."""
        if not line.startswith(b"data:"):
            return
        del line[: 6 if line.startswith(b"data: ") else 5]
        if self._event:
            self._event += b"\n"
            self._event += line
        else:
            self._event = line

    def _lines(self, chunk: bytes) -> Iterator[bytearray]:
        """Yield lines without their ends, which are LF, CRLF or CR."""
        for part in _parts(chunk):
            last = part[-1:]
            if self._after_return and part == b"\n":
                self._after_return = False  # it belongs to the CR that the last part ended in
                continue
            self._line.append(part)
            self._line_size += len(part)
            self._after_return = last == b"\r"
            if last in (b"\n", b"\r"):
                self._remaining_lines -= 1
                if self._remaining_lines < 0:
                    raise EndlessEventError
                yield _without_end(bytearray().join(self._line))
                self._line, self._line_size = [], 0


def _parts(chunk: bytes) -> Iterator[bytes | memoryview]:
    """Yield the parts of a chunk, cut after each line end.

    An image before the first or after the last line end is not copied: finding out that it has no
    line end is cheap. Most chunks of an image have none at all.

    Raises:
        EndlessEventError: The chunk has more lines than any stream.
    """
    ends = [place for place in (chunk.find(b"\n"), chunk.find(b"\r")) if place >= 0]
    if not ends:
        yield from filter(len, (memoryview(chunk),))
        return
    first = min(ends) + 1
    last = max(chunk.rfind(b"\n", first), chunk.rfind(b"\r", first)) + 1 or first
    view = memoryview(chunk)
    if chunk.count(b"\n", first, last) + chunk.count(b"\r", first, last) > 2 * MAX_LINES:
        raise EndlessEventError
    between = chunk[first:last].splitlines(keepends=True)
    yield from filter(len, (view[:first], *between, view[last:]))


def _without_end(line: bytearray) -> bytearray:
    del line[-2 if line.endswith(b"\r\n") else -1 :]
    return line


def comment(text: str) -> Pieces:
    """Return a comment, which every client skips."""
    return (f": {text}\n\n".encode(),)


def event(name: str, fields: Mapping[str, object]) -> Pieces:
    """Return an event whose JSON repeats its name as `type`, as OpenAI's do."""
    text = json.dumps({"type": name, **fields})
    return (f"event: {name}\ndata: {text}\n\n".encode(),)


def image_event(name: str, base64: bytes | memoryview, fields: Mapping[str, object]) -> Pieces:
    """Return an event that carries an image beside its fields."""
    tail = json.dumps(fields)[1:]
    return (
        f'event: {name}\ndata: {{"type": "{name}", "b64_json": "'.encode(),
        base64,
        f'", {tail}\n\n'.encode(),
    )
