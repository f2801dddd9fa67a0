"""Where the strings of a JSON text are, and whether the text is simple enough to be parsed here.

A parser in C keeps the event loop, and all other threads, until it is done. It passes over a long
string at a gigabyte a second, while a megabyte of brackets, numbers or tiny strings takes up to
fifty milliseconds. So what is parsed is bounded by the number of its strings, and by the bytes
between them. Real documents have a few hundred bytes of those.
"""

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
