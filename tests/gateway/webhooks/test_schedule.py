"""A message is sent again for a day, less and less often, and never for longer."""

from itertools import count, pairwise, takewhile

from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.webhooks.schedule import MAX_RETRY_AFTER_SECONDS, retry_seconds

HOUR = 3600

DRAW = st.floats(0, 1)


def pauses(draw: float) -> list[float]:
    after_each = (retry_seconds(attempts, draw) for attempts in count(1))
    return [pause for pause in takewhile(lambda pause: pause is not None, after_each) if pause]


@given(DRAW)
def test_the_attempts_reach_over_a_day(draw: float) -> None:
    assert 23 * HOUR < sum(pauses(draw)) < 27 * HOUR


@given(DRAW)
def test_each_pause_is_longer_and_the_first_are_short(draw: float) -> None:
    found = pauses(draw)

    assert all(first < second for first, second in pairwise(found))
    assert found[0] < 6


@given(st.integers(1, 10), DRAW, st.floats(0, 1e9))
def test_a_receiver_can_ask_for_a_longer_pause_but_not_for_a_shorter_one(
    attempts: int, draw: float, asked: float
) -> None:
    usual, pause = retry_seconds(attempts, draw), retry_seconds(attempts, draw, asked)

    assert usual is not None
    assert pause == max(usual, min(asked, MAX_RETRY_AFTER_SECONDS))


def test_a_receiver_cannot_ask_for_more_attempts() -> None:
    assert retry_seconds(11, 0, 60) is None
