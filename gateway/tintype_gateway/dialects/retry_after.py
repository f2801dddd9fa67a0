"""When does a provider want to be asked again? All the ways that servers say it in a header."""

import datetime
import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

MILLISECONDS = ("retry-after-ms", "x-amz-retry-after")
"""Headers of OpenAI and of AWS, which are more exact than the standard's."""

LONGEST_SECONDS = 1_000_000
"""Eleven days and a half. Whoever asks for more does not mean it."""


def retry_after(headers: Mapping[str, str]) -> int | None:
    """Return whole seconds, rounded up, from headers with names in lower case.

    `Retry-After` may be a number of seconds or a date (RFC 9110, 10.2.3). None where there is
    none, or where what is there makes no sense.
    """
    for name in MILLISECONDS:
        if (milliseconds := _number(headers.get(name, ""))) is not None:
            return -(-milliseconds // 1000)
    told = headers.get("retry-after", "")
    seconds = _number(told)
    if seconds is None:
        seconds = _until(_date(told), _date(headers.get("date", "")))
    return seconds if seconds is not None and seconds <= LONGEST_SECONDS else None


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else None


def _until(date: datetime.datetime | None, sent: datetime.datetime | None) -> int | None:
    """Return the seconds to a date since the answer was sent, by the clock that both are of."""
    if date is None:
        return None
    since = sent or datetime.datetime.now(datetime.UTC)
    return max(0, math.ceil((date - since).total_seconds()))


def _date(text: str) -> datetime.datetime | None:
    """Read an HTTP date, in any of its three forms. All of them are in UTC."""
    if re.fullmatch(r"[A-Z][a-z]+,? [\x20-\x7e]{10,40}", text) is None:
        return None
    try:
        return parsedate_to_datetime(text).replace(tzinfo=datetime.UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
