"""Random access to the bytes of a base64 text, which decodes only the bytes that are read."""

import binascii
import re
from collections.abc import AsyncGenerator, AsyncIterable

import pybase64

_SHORT = 128
"""Characters up to which the standard library decodes faster than pybase64."""

CUT_OFF = "the base64 text is cut off"
"""What is wrong with a text whose length is not a multiple of four."""

_DATA_URL = re.compile(rb"data:[\w/+.;=-]{0,99};base64,", re.ASCII | re.IGNORECASE)
"""The prefix of a `data:` URL before the base64."""

_LONGEST_DATA_URL = 128


def data_url_length(text: bytes, start: int = 0) -> int:
    """Return the length of the `data:` prefix of the text that begins at `start`, or 0."""
    found = _DATA_URL.match(text, start, start + _LONGEST_DATA_URL)
    return 0 if found is None else found.end() - start


def without_data_url(text: memoryview | str) -> memoryview | str:
    """Return a text without its `data:` prefix, if it has one."""
    beginning = text[:_LONGEST_DATA_URL]
    known = beginning.encode() if isinstance(beginning, str) else bytes(beginning)
    return text[data_url_length(known) :]


class EncodedBytes:
    """Random access to the bytes of a base64 text.

    Raises:
        ValueError: The length of the text is not that of a base64 text.
    """

    def __init__(self, text: bytes | memoryview) -> None:
        if len(text) % 4:
            raise ValueError(CUT_OFF)
        self._text = memoryview(text)
        self._length = len(text) // 4 * 3 - bytes(text[-2:]).count(b"=")

    def __len__(self) -> int:
        return self._length

    def read(self, start: int, count: int) -> bytes:
        """Return up to `count` bytes from `start` on: fewer at the end.

        Raises:
            ValueError: These characters are not base64.
        """
        stop = min(start + count, self._length)
        if not 0 <= start < stop:
            return b""
        first = start // 3
        quanta = decode_short(self._text[4 * first : -(-stop // 3) * 4])
        return quanta[start - 3 * first : stop - 3 * first]


def decode_short(text: bytes | memoryview) -> bytes:
    """Decode a few bytes: a third of the time that `decode` takes."""
    if len(text) > _SHORT:
        return decode(text)
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error as error:
        raise ValueError(f"the base64 text is damaged: {error}") from error


def decode(text: bytes | memoryview) -> bytes:
    """Return the bytes of a base64 text.

    Raises:
        ValueError: The text is not base64.
    """
    try:
        return pybase64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"the base64 text is damaged: {error}") from error


async def encoded(pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the base64 text of bytes that come in pieces of any length, piece by piece."""
    rest = b""
    async for piece in pieces:
        data = rest + piece
        whole = len(data) // 3 * 3
        rest = data[whole:]
        if whole:
            yield pybase64.b64encode(memoryview(data)[:whole])
    if rest:
        yield pybase64.b64encode(rest)
