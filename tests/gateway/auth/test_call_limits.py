"""How many calls of an account a gateway serves in a minute."""

import pytest

from tintype_gateway.auth.call_limits import CallLimits
from tintype_gateway.errors import RateLimitError
from tintype_gateway.ledger import Caller
from tintype_testing.ledgers import Clock

CALLER = Caller("studio", "key-1", calls_per_minute=60)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> CallLimits:
    return CallLimits(clock)


def served(limits: CallLimits, caller: Caller, tries: int) -> int:
    """Return how many of the calls are served."""
    count = 0
    for _ in range(tries):
        try:
            limits.take(caller)
        except RateLimitError:
            continue
        count += 1
    return count


def test_an_account_may_make_a_minutes_worth_of_calls_at_once(limits: CallLimits) -> None:
    assert served(limits, CALLER, 200) == 60


def test_then_it_goes_on_at_its_rate(limits: CallLimits, clock: Clock) -> None:
    served(limits, CALLER, 60)
    clock.advance(5)

    assert served(limits, CALLER, 200) == 5


def test_a_refused_call_gets_a_retry_after(limits: CallLimits, clock: Clock) -> None:
    slow = Caller("studio", "key-1", calls_per_minute=6)
    served(limits, slow, 6)

    with pytest.raises(RateLimitError, match="6 calls a minute") as refusal:
        limits.take(slow)
    assert refusal.value.retry_after_seconds == 10

    clock.advance(10)
    limits.take(slow)


def test_a_refused_call_costs_nothing(limits: CallLimits, clock: Clock) -> None:
    served(limits, CALLER, 10_000)
    clock.advance(1)

    assert served(limits, CALLER, 10) == 1


def test_calls_that_are_given_back_do_not_count(limits: CallLimits) -> None:
    for _ in range(1000):
        limits.take(CALLER)
        limits.give_back(CALLER)

    assert served(limits, CALLER, 200) == 60


def test_the_keys_of_an_account_share_its_calls(limits: CallLimits) -> None:
    served(limits, CALLER, 50)

    assert served(limits, Caller("studio", "key-2", calls_per_minute=60), 200) == 10
    assert served(limits, Caller("other", "key-3", calls_per_minute=60), 200) == 60


def test_full_buckets_of_idle_accounts_are_removed(clock: Clock) -> None:
    limits = CallLimits(clock, max_buckets=10)
    for number in range(9):
        limits.take(Caller(f"account-{number}", "key", calls_per_minute=60))
    served(limits, CALLER, 60)
    clock.advance(1)

    limits.take(Caller("one-more", "key"))

    assert len(limits._full_at) == 2
    assert served(limits, CALLER, 200) == 1
