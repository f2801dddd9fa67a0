"""What a log may have of a provider's words."""

from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.upstream.fault_reports import _without


def test_text_that_is_not_in_the_request_stays() -> None:
    message = "Invalid URL (POST /v1/v1/images/generations)"
    assert _without(message, "a red fox in the snow") == message


def test_a_quotation_is_removed_in_whole_or_in_part_and_in_any_case() -> None:
    prompt = "a red fox in\nthe deep snow"
    assert _without("Your prompt 'A RED FOX in the deep snow' failed", prompt) == (
        "Your prompt '[removed]' failed"
    )
    assert _without("no: x fox in the deep s...", prompt) == "no: x[removed]..."


@given(st.text(min_size=12), st.text(), st.text())
def test_no_text_is_left_that_is_long_enough_to_be_a_quotation(
    quoted: str, before: str, after: str
) -> None:
    line = " ".join(quoted.split())
    if len(line) >= 12:
        assert line.lower() not in _without(f"{before}{line}{after}", quoted).lower()
