"""What dialects share in reading a provider's answer, which may hold anything."""

import re

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


def malformed() -> UpstreamFault:
    """Return the fault of an answer that does not have the form of one."""
    message = "the provider's answer does not have the form of an image answer"
    return UpstreamFault("outcome_unknown", message)


def text(value: object) -> str | None:
    """Return the text of an answer's field, however long it is, or None if it is no text."""
    if isinstance(value, memoryview):
        return str(value, "utf-8")
    return value if isinstance(value, str) else None


def reason(*parts: object) -> tuple[str, ...]:
    """Return the texts among these as one reason for a refusal, or none if there are none."""
    told = [part for part in map(text, parts) if part and not part.isspace()]
    return (shown(": ".join(told), REASON_CHARACTERS),) if told else ()


def plain_base64(encoded: memoryview | str) -> memoryview | bytes:
    """Return base64 that can stand between the quotes of our own answer.

    A view cannot close them, because it shows what stood between quotes without any escape.

    Raises:
        ValueError: This is not base64.
    """
    if isinstance(encoded, memoryview):
        return encoded
    if _BASE64.fullmatch(encoded) is None:
        raise ValueError("an image is not base64")
    return encoded.encode("ascii")
