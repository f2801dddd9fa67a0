"""When does a provider want to be asked again? All the ways that servers say it in a header."""

import calendar
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

MILLISECONDS = ("retry-after-ms", "x-amz-retry-after")
"""Headers of OpenAI and of AWS, which are more exact than the standard's."""

LONGEST_SECONDS = 1_000_000
"""Eleven days and a half. A longer wait is ignored as a mistake."""


def retry_after(headers: Mapping[str, str]) -> int | None:
    """Return whole seconds, rounded up, from headers with names in lower case.

    `Retry-After` may be a number of seconds or a date (RFC 9110, 10.2.3), which counts from the
    `Date` of the response. None where there is none, or where what is there makes no sense.
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
