"""What dialects share in reading a provider's answer, which may hold anything."""

import re
from collections.abc import Callable
from typing import Any

from tintype_catalog.costs import TokenUsage
from tintype_gateway.images.base64_view import without_data_url
from tintype_gateway.observability.redaction import shown
from tintype_gateway.values import UpstreamFault

MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading an answer raises that does not have the form of one."""

REASON_CHARACTERS = 300
"""The most that is told of a provider's reason for a refusal."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")

_MAX_TOKENS = 10**9
"""More than any call can use: a count that no price can be meant for."""


def malformed() -> UpstreamFault:
    """Return the fault of an answer that does not have the form of one."""
    message = "the provider's response is not a valid image response"
    return UpstreamFault("outcome_unknown", message)


def text(value: object) -> str | None:
    """Return the text of an answer's field, however long it is, or None if it is no text."""
    if isinstance(value, memoryview):
        return str(value, "utf-8")
    return value if isinstance(value, str) else None


def moment(value: object) -> int:
    """Return a time stamp in Unix seconds, 0 for what is none: an image is worth more than it."""
    try:
        return int(value or 0)  # type: ignore[call-overload, no-any-return]
    except MALFORMED:
        return 0


def count(value: object) -> int:
    """Return a count of tokens.

    Raises:
        ValueError: This is no count, or none that can be meant.
    """
    if type(value) is not int or not 0 <= value <= _MAX_TOKENS:
        raise ValueError("a token count is out of range")
    return value


def usage_of(
    read: Callable[[Any], TokenUsage | None], usage: object
) -> tuple[TokenUsage | None, bool]:
    """Return the token counts that `read` finds, and whether there are some that are unusable.

    Those are counts of another form, and such as have no token for an image. An image is worth
    more than its counts: without them it is charged at the table's figures.
    """
    try:
        counts = None if usage is None else read(usage)
        if counts is not None and (min(counts) < 0 or counts.image_output == 0):
            raise ValueError("a token count is out of range")
    except MALFORMED:
        return None, True
    return counts, False


def reason(*parts: object) -> tuple[str, ...]:
    """Return the texts among these as one reason for a refusal, or none if there are none."""
    told = [part for part in map(text, parts) if part and not part.isspace()]
    return (shown(": ".join(told), REASON_CHARACTERS),) if told else ()


def plain_base64(encoded: memoryview | str) -> memoryview | bytes:
    """Return base64 that can stand between the quotes of our own answer, without a `data:` prefix.

    A view cannot close them, because it shows what stood between quotes without any escape.

    Raises:
        ValueError: This is not base64.
    """
    encoded = without_data_url(encoded)
    if isinstance(encoded, memoryview):
        return encoded
    if _BASE64.fullmatch(encoded) is None:
        raise ValueError("an image is not base64")
    return encoded.encode("ascii")
