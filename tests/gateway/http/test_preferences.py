"""`Prefer` (RFC 7240) is read as the RFC says, whatever else the header holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.http.preferences import MAX_WAIT_SECONDS, Preferences, preferences

ALL = Preferences("strict", respond_async=True, wait_seconds=10)


@pytest.mark.parametrize(
    "headers",
    [
        ["respond-async, wait=10, handling=strict"],
        ["respond-async", "wait=10", "handling=strict"],
        ["Respond-Async,WAIT=10,Handling=Strict"],
        ["respond-async ; foo, wait = 10 ;a=b, handling=\t strict"],
        ['respond-async, wait="10", handling="strict"'],
        [r'respond-async, wait="\10", handling="s\trict"'],
        ['respond-async=""', "wait=10", "handling=strict"],
        ["respond-async=", "wait=10", "handling=strict"],
        [",,respond-async, ,wait=10,", "", "handling=strict"],
        ['foo; bar="a, wait=1; b", respond-async; x=1, wait=10; y, handling=strict'],
        ['foo="\\", wait=1", respond-async, wait=10, handling=strict'],
        ["return=representation, priority=5, respond-async, wait=10, handling=strict"],
    ],
)
def test_every_form_of_the_header_says_the_same(headers: list[str]) -> None:
    assert preferences(headers) == ALL


@pytest.mark.parametrize(
    ("headers", "meant"),
    [
        ([], Preferences()),
        (["wait=1, wait=2", "wait=3"], Preferences(wait_seconds=1)),
        (["handling=lenient", "handling=strict"], Preferences("lenient")),
        (["handling=odd, handling=strict"], Preferences()),
        (["return=minimal"], Preferences(return_minimal=True)),
        (["wait=0"], Preferences(wait_seconds=0)),
        (["wait=-1"], Preferences()),
        (["wait=1.5"], Preferences()),
        (["wait"], Preferences()),
        (["wait=٣"], Preferences()),
        ([f"wait={'9' * 5000}"], Preferences(wait_seconds=MAX_WAIT_SECONDS)),
        (["wait=0000000000007"], Preferences(wait_seconds=7)),
        (["wait 10"], Preferences()),
        (['wait="10'], Preferences()),
        (["respond-async-not, xrespond-async"], Preferences()),
        (['"respond-async"'], Preferences()),
        (["foo=respond-async; respond-async"], Preferences()),
    ],
)
def test_the_first_of_a_name_counts_and_nonsense_does_not(
    headers: list[str], meant: Preferences
) -> None:
    assert preferences(headers) == meant


def test_a_long_wait_becomes_the_longest_and_the_response_says_so() -> None:
    asked = preferences(["respond-async, wait=3600"])

    assert asked.wait_seconds == MAX_WAIT_SECONDS
    applied = asked.applied("respond-async", "wait", "handling")
    assert applied == {"Preference-Applied": f"respond-async, wait={MAX_WAIT_SECONDS}"}


def test_only_what_was_followed_is_said_to_be_applied() -> None:
    assert ALL.applied("handling") == {"Preference-Applied": "handling=strict"}
    assert Preferences().applied("respond-async", "wait", "handling") == {}


@given(st.lists(st.text(alphabet=' \t,;="\\a-wit1é\x00', max_size=40), max_size=4))
def test_no_header_fails(headers: list[str]) -> None:
    assert preferences(headers).wait_seconds in {None, *range(MAX_WAIT_SECONDS + 1)}


@given(
    st.lists(st.sampled_from(["foo", 'a="x, y; z"', "b=1; c", 'd="\\""', "return=full"])),
    st.lists(st.sampled_from(["foo", 'a="x, y; z"', "b=1; c", 'd="\\""', "return=full"])),
)
def test_other_preferences_around_those_known_change_nothing(
    before: list[str], after: list[str]
) -> None:
    known = ["respond-async", "wait=10", "handling=strict"]

    assert preferences([", ".join([*before, *known, *after])]) == ALL
