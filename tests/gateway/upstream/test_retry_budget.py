"""Retries stay few, and do not come back all at once."""

from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.upstream.retry import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    RetryBudget,
    pause_seconds,
)


def test_savings_pay_for_the_first_retries() -> None:
    budget = RetryBudget(savings=3)
    assert [budget.spend() for _ in range(4)] == [True, True, True, False]


def test_calls_earn_new_retries() -> None:
    budget = RetryBudget(per_call=0.25, savings=1)
    assert budget.spend()
    for _ in range(4):
        assert not budget.spend()
        budget.earn()
    assert budget.spend()


def test_savings_are_bounded() -> None:
    budget = RetryBudget(savings=2)
    for _ in range(1000):
        budget.earn()
    assert [budget.spend() for _ in range(3)] == [True, True, False]


@given(st.integers(min_value=1, max_value=3000))
def test_a_provider_that_always_fails_sees_few_more_calls(calls: int) -> None:
    budget = RetryBudget(per_call=0.15, savings=10)
    retries = 0
    for _ in range(calls):
        budget.earn()
        while budget.spend():
            retries += 1
    assert retries <= 10 + 0.15 * calls


@given(st.integers(min_value=1, max_value=50), st.floats(min_value=0, max_value=0.999))
def test_a_pause_is_never_longer_than_its_bound(attempt: int, luck: float) -> None:
    pause = pause_seconds(attempt, None, lambda: luck)
    assert 0 <= pause <= min(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), LONGEST_PAUSE_SECONDS)


@given(st.integers(min_value=0, max_value=600), st.floats(min_value=0, max_value=0.999))
def test_a_pause_is_never_shorter_than_the_provider_asks(asked: int, luck: float) -> None:
    assert pause_seconds(1, asked, lambda: luck) >= asked
