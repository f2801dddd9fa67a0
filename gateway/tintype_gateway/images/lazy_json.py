"""JSON whose long strings stay where they are.

An upstream answer is a few hundred bytes of JSON around megabytes of base64. Parsing it as a
whole copies those megabytes several times. Instead the long strings are cut out, and only the
small rest is parsed, by the standard parser: so key order, white space, escapes, several images
and anything else that JSON allows come out right by construction.
"""

import json

SHORTEST_BLOB = 4096
"""Strings of at least so many bytes are cut out."""

_PLACEHOLDER = b"NaN"
"""Stands for a blob in what is parsed. JSON has no NaN, so no answer can forge one."""


def loads(text: bytes | bytearray) -> object:
    """Parse JSON, with each long plain string as a `memoryview` of the bytes between its quotes.

    A long string that holds a backslash is not plain, and is parsed as usual. A control character
    in a plain one, which JSON forbids, goes unseen: looking for it takes as long as all the rest.

    Raises:
        ValueError: The text is not JSON in UTF-8.
    """
    if not text.isascii():
        text.decode()  # checks the blobs too, which nothing else decodes
    skeleton, blobs = _cut(text)
    try:
        return _restore(skeleton, blobs)
    except ValueError:
        if not blobs:
            raise
        return _restore(text, [])  # a long key, or no JSON at all: the full parser decides


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

    A quote is never part of JSON outside a string, so hopping from quote to quote finds exactly
    the strings.
    """
    view = memoryview(text)
    kept: list[bytes | memoryview] = []
    blobs: list[memoryview] = []
    start = 0
    opening = text.find(b'"')
    while opening >= 0:
        closing = _closing_quote(text, opening + 1)
        if closing < 0:
            break
        if closing - opening > SHORTEST_BLOB and text.find(b"\\", opening, closing) < 0:
            kept += [view[start:opening], _PLACEHOLDER]
            blobs.append(view[opening + 1 : closing])
            start = closing + 1
        opening = text.find(b'"', closing + 1)
    kept.append(view[start:])
    return b"".join(kept), blobs


def open_string(text: bytes | bytearray) -> int:
    """Return where the string begins that a part of a text breaks off in, -1 if in none."""
    opening = text.find(b'"')
    while opening >= 0:
        closing = _closing_quote(text, opening + 1)
        if closing < 0:
            return opening
        opening = text.find(b'"', closing + 1)
    return -1


def _closing_quote(text: bytes | bytearray, start: int) -> int:
    """Return where the string ends that starts here, or -1."""
    closing = text.find(b'"', start)
    while closing > 0 and _is_escaped(text, closing):
        closing = text.find(b'"', closing + 1)
    return closing


def _is_escaped(text: bytes | bytearray, quote: int) -> bool:
    """Return whether an odd run of backslashes stands before the quote."""
    first = quote
    while text[first - 1] == ord("\\"):
        first -= 1
    return (quote - first) % 2 == 1
