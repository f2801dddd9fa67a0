"""JSON whose long strings stay where they are.

An upstream answer is a few hundred bytes of JSON around megabytes of base64. Parsing it as a
whole copies those megabytes several times. Instead the long strings are cut out, and only the
small rest is parsed, by the standard parser: so key order, white space, escapes, several images
and anything else that JSON allows come out right by construction.
"""

import codecs
import json

from tintype_gateway.images.json_strings import strings

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
