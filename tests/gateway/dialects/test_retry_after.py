"""When a provider wants to be asked again, in every form that a header has for it."""

import datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.dialects.common import LONGEST_SECONDS, retry_after

SENT = datetime.datetime(2026, 11, 20, 10, 0, 0, tzinfo=datetime.UTC)
DATE = format_datetime(SENT, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0"}, 0),
        ({"retry-after-ms": "1500"}, 2),
        ({"x-amz-retry-after": "1"}, 1),
        ({"retry-after-ms": "2000", "retry-after": "9"}, 2),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "٣"}, None),  # a digit, but none of HTTP's
        ({"retry-after": str(LONGEST_SECONDS + 1)}, None),
    ],
)
def test_numbers_are_seconds_or_milliseconds(headers: dict[str, str], seconds: int | None) -> None:
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Fri, 20 Nov 2026 10:00:30 GMT", 30),
        ("Friday, 20-Nov-26 10:00:30 GMT", 30),
        ("Fri Nov 20 10:00:30 2026", 30),
        ("Fri, 20 Nov 2026 09:59:30 GMT", 0),
        ("Fri, 20 Nov 2099 10:00:00 GMT", None),
        ("Fri, 31 Feb 2026 10:00:00 GMT", None),
        ("Fri, 20 Nov 2026 99:00:00 GMT", None),
        ("Fri, sometime next week maybe", None),
    ],
)
def test_a_date_counts_from_the_date_of_the_response(date: str, seconds: int | None) -> None:
    assert retry_after({"retry-after": date, "date": DATE}) == seconds


@pytest.mark.parametrize("date", [{}, {"date": "today"}])
def test_a_date_means_nothing_without_one_of_the_response(date: dict[str, str]) -> None:
    assert retry_after({"retry-after": "Fri, 20 Nov 2026 10:00:30 GMT"} | date) is None


@given(st.integers(0, LONGEST_SECONDS))
def test_every_date_is_read_back(seconds: int) -> None:
    later = format_datetime(SENT + datetime.timedelta(seconds=seconds), usegmt=True)

    assert retry_after({"retry-after": later, "date": DATE}) == seconds


words = st.sampled_from(
    ["Fri,", "Nov", "20", "2026", "10:00:00", "GMT", "-0000", "+9999", ":", "."]
)
lines = st.text() | st.lists(words).map(" ".join)


@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "retry-after-ms", "x-amz-retry-after", "date"]), lines
    )
)
def test_nonsense_is_ignored(headers: dict[str, str]) -> None:
    seconds = retry_after(headers)

    assert seconds is None or 0 <= seconds <= LONGEST_SECONDS
