"""Helpers of all dialects: reading untrusted JSON, `Retry-After`, and credentials."""

import calendar
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from tintype_catalog.costs import TokenUsage
from tintype_gateway.images.base64_view import without_data_url
from tintype_gateway.observability.access_log import shown
from tintype_gateway.values.faults import UpstreamFault

MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""The errors that reading a malformed response may raise."""

REASON_CHARACTERS = 300
"""The longest reason for a refusal that is passed on."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")

_MAX_TOKENS = 10**9
"""More than any call can use. Higher counts are invalid."""


def malformed() -> UpstreamFault:
    """Return the fault of a malformed response."""
    message = "the provider's response is not a valid image response"
    return UpstreamFault("outcome_unknown", message)


def json_object(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object in a body, with exact numbers; an empty one where there is none."""
    try:
        document = json.loads(body, parse_float=Decimal)
    except MALFORMED:
        return {}
    return document if isinstance(document, dict) else {}


def text(value: object) -> str | None:
    """Return the text of a response's field, however long it is, or None if it is no text."""
    if isinstance(value, memoryview):
        return str(value, "utf-8")
    return value if isinstance(value, str) else None


def moment(value: object) -> int:
    """Return a timestamp in Unix seconds, or 0 for an invalid one, which must not fail the call."""
    try:
        return int(value or 0)  # type: ignore[call-overload, no-any-return]
    except MALFORMED:
        return 0


def count(value: object) -> int:
    """Return a count of tokens.

    Raises:
        ValueError: The value is not a valid count.
    """
    if type(value) is not int or not 0 <= value <= _MAX_TOKENS:
        raise ValueError("a token count is out of range")
    return value


def usage_of(
    read: Callable[[Any], TokenUsage | None], usage: object
) -> tuple[TokenUsage | None, bool]:
    """Return the token counts that `read` finds, and whether there are some that are unusable.

    Those are counts of another form, such as have no token for an image, and more cached tokens
    than there are. An image is worth more than its counts: without them it is charged at the
    table's figures.
    """
    try:
        counts = None if usage is None else read(usage)
        if counts is not None and not _is_possible(counts):
            raise ValueError("a token count is out of range")
    except MALFORMED:
        return None, True
    return counts, False


def _is_possible(counts: TokenUsage) -> bool:
    return (
        min(counts) >= 0
        and counts.image_output > 0
        and counts.cached_text_input <= counts.text_input
        and counts.cached_image_input <= counts.image_input
    )


def usd(value: object, unit: Decimal = Decimal(1)) -> Decimal | None:
    """Return a number of `unit` in a response as an amount of USD, or None if it is none.

    JSON's fractions count as they are written, not as the nearest binary fraction.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        return Decimal(str(value)) * unit
    except MALFORMED:
        return None


def reason(*parts: object) -> tuple[str, ...]:
    """Return the texts among these as one reason for a refusal, or none if there are none."""
    reasons = [part for part in map(text, parts) if part and not part.isspace()]
    return (shown(": ".join(reasons), REASON_CHARACTERS),) if reasons else ()


def plain_base64(encoded: memoryview | str) -> memoryview | bytes:
    """Return base64 that can stand in quotes in our own response, with no `data:` prefix.

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


MILLISECONDS = ("retry-after-ms", "x-amz-retry-after")
"""Headers of OpenAI and of AWS, which are more exact than the standard's."""

LONGEST_SECONDS = 1_000_000
"""Eleven days and a half. Longer values are ignored."""


def retry_after(headers: Mapping[str, str]) -> int | None:
    """Return whole seconds, rounded up, from headers with names in lower case.

    `Retry-After` may be a number of seconds or a date (RFC 9110, 10.2.3), which counts from the
    `Date` of the response. None if there is no valid value.
    """
    for name in MILLISECONDS:
        if (milliseconds := _number(headers.get(name, ""))) is not None:
            return -(-milliseconds // 1000)
    header = headers.get("retry-after", "")
    seconds = _number(header)
    if seconds is None:
        seconds = _until(_date(header), _date(headers.get("date", "")))
    return seconds if seconds is not None and seconds <= LONGEST_SECONDS else None


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else None


def _until(date: int | None, sent: int | None) -> int | None:
    """Return the seconds to a date since the response was sent, by the clock that both are of."""
    return None if date is None or sent is None else max(0, date - sent)


def _date(text: str) -> int | None:
    """Return the Unix seconds of an HTTP date, in any of its three forms, all of them in UTC."""
    if re.fullmatch(r"[A-Z][a-z]+,? [\x20-\x7e]{10,40}", text) is None:
        return None
    try:
        return calendar.timegm(parsedate_to_datetime(text).timetuple())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def required(credentials: Mapping[str, str], key: str) -> str:
    """Return the value of a key of the binding's Secret.

    Raises:
        UpstreamFault: The key is missing, so that only another route can serve the request.
    """
    if key not in credentials:
        raise UpstreamFault("unauthorized", f"the credentials have no {key}")
    return credentials[key]
