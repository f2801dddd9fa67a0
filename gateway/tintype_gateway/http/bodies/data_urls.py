"""JSON whose data URLs are decoded while it arrives: it does no I/O, and keeps what is left.

The rest of the document, with a placeholder for each data URL, is small and goes to the standard
parser: so all valid JSON is read correctly.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pybase64

from tintype_gateway.images.lazy_json import ComplexJsonError

MAX_STRINGS = 1000
MAX_BYTES_BETWEEN = 16 * 1024
"""Of what is not between quotes: as in other bodies."""

PLACEHOLDER = b"NaN"
"""Stands for a data URL. JSON has no NaN, so a client's own is one too many."""

_HEAD = re.compile(rb"data:(?:[\w.+=;-]|\\?/){0,100};base64,", re.ASCII | re.IGNORECASE)
_LONGEST_HEAD = 128
_TEXT = re.compile(rb'(?:[^"\\]|\\.)*+', re.DOTALL)
_ESCAPES = {
    b"\\/": b"/",
    **{f"\\u00{ord(each):02{form}}".encode(): each.encode() for each in "+/=" for form in "xX"},
}
_ESCAPE = re.compile(rb"\\(?:/|u00..)", re.DOTALL)
_OPEN_ESCAPE = re.compile(rb"\\(?:u.{0,3})?\Z", re.DOTALL)


class UrlStart(NamedTuple):
    """A data URL begins."""


class UrlEnd(NamedTuple):
    """A data URL is complete."""

    problem: str | None
    """What is wrong with it, if anything is."""


UrlEvent = UrlStart | bytes | UrlEnd
"""A data URL begins, stands for these bytes, or is complete."""


class DataUrlParser:
    """Takes the data URLs out of one JSON text."""

    def __init__(self, max_characters: int, max_document_bytes: int) -> None:
        """Limit the characters of each data URL, and the bytes beside them."""
        self._max_characters = max_characters
        self._max_document_bytes = max_document_bytes
        self._document = bytearray()
        self._buffer = b""
        self._strings = 0
        self._bytes_between = 0
        self._url: _Url | None = None
        self._parse = self._outside

    def feed(self, data: bytes) -> Iterator[UrlEvent]:
        """Yield what these bytes bring. Take all of it before more is fed.

        Raises:
            ComplexJsonError: The text has more parts than are ever parsed.
            OverflowError: What is left of it is too long.
        """
        self._buffer += data
        before: object = None
        while before != (state := (len(self._buffer), self._parse)):
            before = state
            yield from self._parse()

    def finish(self) -> bytes:
        """Return the text with placeholders, which need not be JSON.

        Raises:
            ValueError: It ends within a data URL.
        """
        if self._url is not None:
            raise ValueError("it ends within a string")
        return bytes(self._document + self._buffer)

    def _outside(self) -> Iterator[UrlEvent]:
        opening = self._buffer.find(b'"')
        length = len(self._buffer) if opening < 0 else opening
        self._bytes_between += length
        self._strings += opening >= 0
        if self._strings > MAX_STRINGS or self._bytes_between > MAX_BYTES_BETWEEN:
            raise ComplexJsonError("it has too many values, or too much white space, to be read")
        self._keep(length)
        if opening >= 0:
            self._parse = self._opening
        yield from ()

    def _opening(self) -> Iterator[UrlEvent]:
        """Look at a string whose opening quote is the first byte."""
        if found := _HEAD.match(self._buffer, 1, _LONGEST_HEAD):
            self._keep(0, PLACEHOLDER)
            self._buffer = self._buffer[found.end() :]
            self._url = _Url(self._max_characters, found.end() - 1)
            self._parse = self._base64
            yield UrlStart()
        elif not _may_be_head(self._buffer[1:_LONGEST_HEAD]):
            self._keep(1)
            self._parse = self._string

    def _string(self) -> Iterator[UrlEvent]:
        found = _TEXT.match(self._buffer)
        end = 0 if found is None else found.end()
        if self._buffer[end : end + 1] == b'"':
            end += 1
            self._parse = self._outside
        self._keep(end)
        yield from ()

    def _base64(self) -> Iterator[UrlEvent]:
        closing = self._buffer.find(b'"')
        end = closing
        if closing < 0:
            broken = _OPEN_ESCAPE.search(self._buffer, max(0, len(self._buffer) - 5))
            end = len(self._buffer) if broken is None else broken.start()
        text, self._buffer = self._buffer[:end], self._buffer[end:]
        if self._url is not None and (data := self._url.decoded(_unescaped(text))):
            yield data
        if self._url is not None and closing >= 0:
            yield UrlEnd(self._url.problem_at_end())
            self._buffer = self._buffer[1:]
            self._url, self._parse = None, self._outside

    def _keep(self, count: int, instead: bytes | None = None) -> None:
        self._document += self._buffer[:count] if instead is None else instead
        self._buffer = self._buffer[count:]
        if len(self._document) > self._max_document_bytes:
            raise OverflowError


def _may_be_head(text: bytes) -> bool:
    """Return whether a string that begins like this may still be a data URL."""
    is_alike = text[:5].lower() == b"data:"[: len(text)]
    return is_alike and len(text) < _LONGEST_HEAD - 1 and b'"' not in text and b"," not in text


def _unescaped(text: bytes) -> bytes:
    if b"\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[0], found[0]), text)


class _Url:
    """A data URL whose base64 is arriving."""

    def __init__(self, max_characters: int, head_characters: int) -> None:
        self._max_characters = max_characters
        self._characters = head_characters
        self._carried = b""
        self._is_padded = False
        self._problem: str | None = None

    def decoded(self, text: bytes) -> bytes:
        """Return what more of the base64 stands for; nothing more once it has a problem."""
        self._characters += len(text)
        if self._characters > self._max_characters:
            self._problem = f"must have at most {self._max_characters} characters"
        text = self._carried + text
        whole = len(text) // 4 * 4
        self._carried = text[whole:]
        if self._problem or not whole:
            return b""
        try:
            if self._is_padded:
                raise ValueError("there is more after the padding")
            self._is_padded = text[whole - 1 : whole] == b"="
            return pybase64.b64decode(text[:whole], validate=True)
        except ValueError:
            self._problem = _NOT_BASE64
            return b""

    def problem_at_end(self) -> str | None:
        """Return what is wrong with all of it, if anything is."""
        return self._problem or (_NOT_BASE64 if self._carried else None)


_NOT_BASE64 = "must be base64 (RFC 4648) with its padding, and without line breaks"
