"""The bytes behind a base64 text, decoded only where they are looked at."""

import binascii
import re

import pybase64

_SHORT = 128
"""Characters up to which the standard library decodes faster than pybase64."""


_DATA_URL = re.compile(rb"data:[\w/+.;=-]{0,99};base64,", re.ASCII | re.IGNORECASE)
"""What stands before the base64 of an image that is written as a URL."""

_LONGEST_DATA_URL = 128


def data_url_length(text: bytes) -> int:
    """Return how long the `data:` prefix at the beginning of a text is, 0 where there is none."""
    found = _DATA_URL.match(text, 0, _LONGEST_DATA_URL)
    return 0 if found is None else found.end()


def without_data_url(text: memoryview | str) -> memoryview | str:
    """Return a text without the `data:` prefix that it may begin with."""
    beginning = text[:_LONGEST_DATA_URL]
    known = beginning.encode() if isinstance(beginning, str) else bytes(beginning)
    return text[data_url_length(known) :]


class EncodedBytes:
    """Random access to what a base64 text stands for.

    Raises:
        ValueError: The text has a length that no base64 text has.
    """

    def __init__(self, text: bytes | memoryview) -> None:
        if len(text) % 4:
            raise ValueError("the base64 text is cut off")
        self._text = memoryview(text)
        self._length = len(text) // 4 * 3 - bytes(text[-2:]).count(b"=")

    def __len__(self) -> int:
        return self._length

    def read(self, start: int, count: int) -> bytes:
        """Return up to `count` bytes from `start` on: fewer where they end before.

        Raises:
            ValueError: What stands there is not base64.
        """
        stop = min(start + count, self._length)
        if not 0 <= start < stop:
            return b""
        first = start // 3
        quanta = decode_short(self._text[4 * first : -(-stop // 3) * 4])
        return quanta[start - 3 * first : stop - 3 * first]


def decode_short(text: bytes | memoryview) -> bytes:
    """Do the same as `decode`, which takes three times as long for a few bytes."""
    if len(text) > _SHORT:
        return decode(text)
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error as error:
        raise ValueError(f"the base64 text is damaged: {error}") from error


def decode(text: bytes | memoryview) -> bytes:
    """Return what a base64 text stands for.

    Raises:
        ValueError: It is not base64.
    """
    try:
        return pybase64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"the base64 text is damaged: {error}") from error
