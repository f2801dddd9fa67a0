"""Parses JSON without copying its long strings.

A provider's response is a few hundred bytes of JSON around megabytes of base64. Parsing it as a
whole would copy those megabytes several times. This module cuts out the long strings, and passes
the small rest to the standard parser, so that everything that JSON allows is parsed correctly.
"""

import codecs
import json
import re
import threading
from collections.abc import Iterator

MAX_STRINGS = 2048
MAX_BYTES_BETWEEN = 32 * 1024
"""The most bytes outside of strings: punctuation, numbers and white space."""

MAX_ESCAPED_BYTES = 256 * 1024
"""The most bytes of strings with escaped quotes, which are scanned one character at a time. The
longest prompt of any model has 192 KiB if each of its characters is escaped."""

_SHORT_BYTES = MAX_ESCAPED_BYTES // 2
"""A text of at most this many bytes cannot exceed the limits."""

_MESSAGE = "it has too many values, or too much white space, to be read"
_BACKSLASH = ord("\\")
_REST_OF_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


class ComplexJsonError(ValueError):
    """A JSON text with too many parts."""


Span = tuple[int, int]
"""The offsets of the first and the last quote of a string; -1 for the last if the text ends before.

A plain tuple, because creating a named one costs as much as the search."""


def strings(
    text: bytes | bytearray,
    most_strings: int = MAX_STRINGS,
    most_bytes_between: int = MAX_BYTES_BETWEEN,
) -> Iterator[Span]:
    """Yield the strings of a JSON text, or of a part of one, in order.

    Outside of strings JSON has no quotes, so that a search from quote to quote finds exactly the
    strings.

    Raises:
        ComplexJsonError: The text exceeds the limits of strings, of bytes between them, or of
            escapes.
    """
    escaped = MAX_ESCAPED_BYTES
    position = 0
    while (opening := text.find(b'"', position)) >= 0:
        most_strings -= 1
        most_bytes_between -= opening - position
        if most_strings < 0 or most_bytes_between < 0:
            raise ComplexJsonError(_MESSAGE)
        closing = text.find(b'"', opening + 1)
        if closing > 0 and text[closing - 1] == _BACKSLASH:
            found = _REST_OF_STRING.match(text, opening + 1, opening + 1 + escaped)
            if found is None and len(text) - opening > escaped:
                raise ComplexJsonError(_MESSAGE)
            closing = -1 if found is None else found.end() - 1
            escaped -= closing - opening
        yield opening, closing
        if closing < 0:
            return
        position = closing + 1
    if len(text) - position > most_bytes_between:
        raise ComplexJsonError(_MESSAGE)


def require_simple(text: bytes | bytearray, most_strings: int, most_bytes_between: int) -> None:
    """Check that a JSON text is within the limits.

    Raises:
        ComplexJsonError: The text exceeds a limit.
    """
    if len(text) <= min(most_bytes_between, _SHORT_BYTES) and text.count(b'"') <= most_strings:
        return
    for _ in strings(text, most_strings, most_bytes_between):
        pass


SHORTEST_BLOB = 4096
"""The minimum length in bytes of strings that are cut out."""

_LARGEST_REST = 512 * 1024
"""The most bytes that are parsed beside the blobs, most of them in short strings."""

_PIECE = 256 * 1024

_PLACEHOLDER = b"NaN"
"""The placeholder of a blob in the parsed text. JSON has no NaN: no response can forge it."""


def loads(text: bytes | bytearray) -> object:
    """Parse JSON, with each long plain string as a `memoryview` of the bytes between its quotes.

    A long string with a backslash is not plain, and is parsed as usual, unless the only escapes are
    those that some encoders use in base64 (`\\/` and `\\u003d`). A control character in a plain
    string, which JSON forbids, is not detected: the check would cost as much as everything else.

    Raises:
        ValueError: The text is not JSON in UTF-8, or it has too many parts.
    """
    if not text.isascii():
        _require_utf8(text)  # checks the blobs too, which nothing else decodes
    rest, blobs = _cut(text)
    try:
        return _RESTORER.restore(rest, blobs)
    except ValueError:
        if not blobs or len(text) > _LARGEST_REST:
            raise
        return _RESTORER.restore(text, [])  # a long key, or invalid JSON: the full parser decides


def _require_utf8(text: bytes | bytearray) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with memoryview(text) as view:
        for start in range(0, len(view), _PIECE):
            decoder.decode(view[start : start + _PIECE])
    decoder.decode(b"", final=True)


class _Restorer(threading.local):
    """A parser that puts each blob in the place of its placeholder.

    There is one for each thread, because to make one takes as long as to parse a response.
    """

    def __init__(self) -> None:
        self._remaining: Iterator[memoryview] = iter(())
        self._parser = json.JSONDecoder(parse_constant=self._constant)

    def restore(self, skeleton: bytes | bytearray, blobs: list[memoryview]) -> object:
        self._remaining = iter(blobs)
        try:
            return self._parser.decode(skeleton.decode())
        finally:
            self._remaining = iter(())  # the blobs are megabytes

    def _constant(self, name: str) -> memoryview:
        blob = next(self._remaining, None) if name == "NaN" else None
        if blob is None:
            raise ValueError(f"{name} is not JSON")
        return blob


_RESTORER = _Restorer()


def _cut(text: bytes | bytearray) -> tuple[bytes, list[memoryview]]:
    """Return the text with placeholders, and the blobs in the same order.

    Raises:
        ValueError: The text has too many parts.
    """
    view = memoryview(text)
    kept: list[bytes | memoryview] = []
    blobs: list[memoryview] = []
    start = 0
    has_escapes = b"\\" in text
    for opening, closing in _long_strings(text, has_escapes=has_escapes):
        string = view[opening + 1 : closing]
        blob = _plain(text, string, opening) if has_escapes else string
        if blob is not None:
            kept += [view[start:opening], _PLACEHOLDER]
            blobs.append(blob)
            start = closing + 1
    kept.append(view[start:])
    if sum(map(len, kept)) > _LARGEST_REST:
        raise ValueError("it has more text than any response")
    return b"".join(kept), blobs


def _long_strings(text: bytes | bytearray, *, has_escapes: bool) -> list[Span]:
    """Return the strings that are longer than `SHORTEST_BLOB`.

    Most texts are a few short strings around a blob. Where nothing is escaped, each quote begins or
    ends a string, so that a leap passes many short strings at once.

    Raises:
        ComplexJsonError: The text has too many parts.
    """
    long: list[Span] = []
    position, quotes, rest = text.find(b'"'), 1, len(text)
    while position >= 0 and not has_escapes and quotes <= MAX_STRINGS:
        following = text.rfind(b'"', position + 1, position + 1 + SHORTEST_BLOB)
        if following >= 0:
            quotes += text.count(b'"', position + 1, following + 1)
        elif (following := text.find(b'"', position + 1)) >= 0:
            if quotes % 2:
                long.append((position, following))
                rest -= following - position
            quotes += 1
        position = following
    if has_escapes or quotes > MAX_STRINGS or rest > MAX_BYTES_BETWEEN:
        return [span for span in strings(text) if span[1] - span[0] > SHORTEST_BLOB]
    return long


def _plain(text: bytes | bytearray, string: memoryview, opening: int) -> memoryview | None:
    """Return a string without escapes, or with base64's escapes decoded; None for other escapes."""
    if text.find(b"\\", opening, opening + len(string) + 1) < 0:
        return string
    undone = bytes(string).replace(b"\\/", b"/")
    for escape in (b"\\u003d", b"\\u003D"):
        undone = undone.replace(escape, b"=")
    return None if b"\\" in undone else memoryview(undone)


def open_string(text: bytes | bytearray) -> int:
    """Return the start of the unfinished string at the end of a part of a text, or -1.

    Raises:
        ValueError: The text has too many strings before it.
    """
    return next((opening for opening, closing in strings(text) if closing < 0), -1)
