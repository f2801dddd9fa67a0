"""JSON whose long strings stay where they are.

An upstream answer is a few hundred bytes of JSON around megabytes of base64. Parsing it as a
whole copies those megabytes several times. Instead the long strings are cut out, and only the
small rest is parsed, by the standard parser: so key order, white space, escapes, several images
and anything else that JSON allows come out right by construction.
"""

import codecs
import json
import re
from collections.abc import Iterator

MAX_STRINGS = 2048
MAX_BYTES_BETWEEN = 32 * 1024
"""Of all that is not between quotes: names and values have quotes, so this is punctuation, numbers
and white space."""

MAX_ESCAPED_BYTES = 256 * 1024
"""How much of the strings that have escaped quotes is looked through, one character at a time. The
longest prompt of any model has 192 KiB if each of its characters is escaped."""

_SHORT_BYTES = MAX_ESCAPED_BYTES // 2
"""A text of at most so many bytes cannot have too many in strings with escaped quotes."""

_MESSAGE = "it has too many values, or too much white space, to be read"
_BACKSLASH = ord("\\")
_REST_OF_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


class ComplexJsonError(ValueError):
    """A JSON text of more parts than are ever parsed."""


Span = tuple[int, int]
"""Where the first and the last quote of a string are; -1 for the last where the text ends before.

A plain tuple, since a named one takes as long to make as finding both."""


def strings(
    text: bytes | bytearray,
    most_strings: int = MAX_STRINGS,
    most_bytes_between: int = MAX_BYTES_BETWEEN,
) -> Iterator[Span]:
    """Yield the strings of a JSON text, or of a part of one, in their order.

    A quote is never part of JSON outside a string, so hopping from quote to quote finds exactly
    the strings.

    Raises:
        ComplexJsonError: It has more of them, or more bytes between them, or too many escapes.
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
    """Do nothing, if a JSON text is so simple.

    Raises:
        ComplexJsonError: It is not.
    """
    if len(text) <= min(most_bytes_between, _SHORT_BYTES) and text.count(b'"') <= most_strings:
        return
    for _ in strings(text, most_strings, most_bytes_between):
        pass


SHORTEST_BLOB = 4096
"""Strings of at least so many bytes are cut out."""

_LARGEST_REST = 512 * 1024
"""What is parsed besides the blobs has at most so many bytes, most of them in short strings."""

_PIECE = 256 * 1024

_PLACEHOLDER = b"NaN"
"""Stands for a blob in what is parsed. JSON has no NaN, so no answer can forge one."""


def loads(text: bytes | bytearray) -> object:
    """Parse JSON, with each long plain string as a `memoryview` of the bytes between its quotes.

    A long string that holds a backslash is not plain, and is parsed as usual, unless all that is
    escaped are the characters of base64 that some writers escape (`\\/` and `\\u003d`). A control
    character in a plain one, which JSON forbids, goes unseen: looking for it takes as long as all
    the rest.

    Raises:
        ValueError: The text is not JSON in UTF-8, or it has more parts than any answer.
    """
    if not text.isascii():
        _require_utf8(text)  # of the blobs too, which nothing else decodes
    rest, blobs = _cut(text)
    try:
        return _restore(rest, blobs)
    except ValueError:
        if not blobs or len(text) > _LARGEST_REST:
            raise
        return _restore(text, [])  # a long key, or no JSON at all: the full parser decides


def _require_utf8(text: bytes | bytearray) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with memoryview(text) as view:
        for start in range(0, len(view), _PIECE):
            decoder.decode(view[start : start + _PIECE])
    decoder.decode(b"", final=True)


def _restore(skeleton: bytes | bytearray, blobs: list[memoryview]) -> object:
    remaining = iter(blobs)

    def constant(name: str) -> memoryview:
        blob = next(remaining, None) if name == "NaN" else None
        if blob is None:
            raise ValueError(f"{name} is not JSON")
        return blob

    return json.loads(skeleton.decode(), parse_constant=constant)


def _cut(text: bytes | bytearray) -> tuple[bytes, list[memoryview]]:
    """Return the text with placeholders, and what they stand for in the same order.

    Raises:
        ValueError: It has more parts than any answer.
    """
    view = memoryview(text)
    kept: list[bytes | memoryview] = []
    blobs: list[memoryview] = []
    start = 0
    for opening, closing in strings(text):
        if closing - opening <= SHORTEST_BLOB:
            continue
        blob = _plain(text, view[opening + 1 : closing], opening)
        if blob is not None:
            kept += [view[start:opening], _PLACEHOLDER]
            blobs.append(blob)
            start = closing + 1
    kept.append(view[start:])
    if sum(map(len, kept)) > _LARGEST_REST:
        raise ValueError("it has more text than any response")
    return b"".join(kept), blobs


def _plain(text: bytes | bytearray, string: memoryview, opening: int) -> memoryview | None:
    """Return a string without escapes, or with those undone that base64 can have, else None."""
    if text.find(b"\\", opening, opening + len(string) + 1) < 0:
        return string
    undone = bytes(string).replace(b"\\/", b"/")
    for escape in (b"\\u003d", b"\\u003D"):
        undone = undone.replace(escape, b"=")
    return None if b"\\" in undone else memoryview(undone)


def open_string(text: bytes | bytearray) -> int:
    """Return where the string begins that a part of a text breaks off in, -1 if in none.

    Raises:
        ValueError: There are more strings before it than any answer has.
    """
    return next((opening for opening, closing in strings(text) if closing < 0), -1)
