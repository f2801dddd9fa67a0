"""Requests and images a minute."""

import asyncio
import secrets
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tintype_gateway.ledger import (
    Caller,
    Idempotency,
    IdempotencyInProgressError,
    InsufficientCreditsError,
    Ledger,
    Policy,
    RateLimitedError,
)
from tintype_gateway.ledger import rate_limit as rates
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import Clock, take

CALLER = Caller("house", "key-1")

whole_rates = st.sampled_from([1, 2, 3, 5, 12, 60, 600])
"""Rates whose share of a minute is a whole number of microseconds."""

asked = st.lists(
    st.tuples(st.integers(0, 64 * 90), st.integers(0, 12)),  # so many 64ths of a second later
    max_size=25,
)


class Bucket:
    """The textbook's bucket, in exact fractions: a minute's worth, refilled evenly."""

    def __init__(self, per_minute: int) -> None:
        self.size = self.level = Fraction(per_minute)
        self.second = Fraction(per_minute, 60)

    def wait(self, elapsed: Fraction) -> None:
        self.level = min(self.size, self.level + elapsed * self.second)

    def missing_seconds(self, units: int) -> Fraction:
        """Return how long it takes until there are so many, or all that there can be."""
        return max(Fraction(0), (min(Fraction(units), self.size) - self.level) / self.second)

    def take(self, units: int) -> None:
        self.level -= units


async def open_house(ledger: Ledger, policy: Policy) -> None:
    await ledger.create_account("house", unlimited=True, policy=policy)


async def request(ledger: Ledger, images: int = 1) -> None:
    await take(ledger, CALLER, 10, images=images)


@given(per_minute=whole_rates, asked=asked)
def test_a_bucket_is_the_one_of_the_textbook(per_minute: int, asked: list[tuple[int, int]]) -> None:
    model, full_at, now = Bucket(per_minute), 0, 1_800_000_000_000_000
    for elapsed, units in asked:
        now += elapsed * 1_000_000 // 64
        model.wait(Fraction(elapsed, 64))
        wait = rates.wait(full_at, now, units, per_minute)
        assert Fraction(wait, 1_000_000) == model.missing_seconds(units)
        if not wait:
            full_at = rates.take(full_at, now, units, per_minute)
            model.take(units)


@given(
    per_minute=st.integers(1, 1_000_000),
    start=st.integers(0, 2**53),
    units=st.integers(0, 1_000_000),
)
def test_a_full_bucket_gives_a_minutes_worth_at_once_and_nothing_more(
    per_minute: int, start: int, units: int
) -> None:
    emptied = rates.take(0, start, per_minute, per_minute)

    assert rates.wait(0, start, units, per_minute) == 0
    assert emptied == start + rates.MINUTE
    assert rates.wait(emptied, start, 1, per_minute) == rates.MINUTE // per_minute


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    requests_per_minute=st.none() | whole_rates,
    images_per_minute=st.none() | whole_rates,
    asked=asked,
)
def test_both_buckets_of_an_account_count_what_was_let_through(
    store: Store,
    requests_per_minute: int | None,
    images_per_minute: int | None,
    asked: list[tuple[int, int]],
) -> None:
    policy = Policy(None, requests_per_minute, images_per_minute)
    asyncio.run(compare_with_the_textbook(store, policy, asked))


async def compare_with_the_textbook(
    store: Store, policy: Policy, asked: list[tuple[int, int]]
) -> None:
    clock, name = Clock(), f"house {secrets.token_hex(8)}"
    ledger = store.open(clock)
    await ledger.create_account(name, unlimited=True, policy=policy)
    requests = Bucket(policy.requests_per_minute or 10**9)
    images = Bucket(policy.images_per_minute or 10**9)
    for elapsed, wanted in asked:
        clock.advance(elapsed / 64)
        requests.wait(Fraction(elapsed, 64))
        images.wait(Fraction(elapsed, 64))
        missing = max(requests.missing_seconds(1), images.missing_seconds(wanted))
        taking = take(ledger, Caller(name, "key-1"), 10, images=wanted)
        if missing:
            with pytest.raises(RateLimitedError) as refusal:
                await taking
            assert refusal.value.retry_after_seconds == float(missing)
        else:
            await taking
            requests.take(1)
            images.take(wanted)
    await ledger.close()


async def test_a_minutes_worth_of_requests_is_let_through_and_then_one_at_a_time(
    ledger: Ledger, clock: Clock
) -> None:
    await open_house(ledger, Policy(requests_per_minute=6))
    for _ in range(6):
        await request(ledger)

    with pytest.raises(RateLimitedError) as refusal:
        await request(ledger)

    assert refusal.value.retry_after_seconds == 10
    clock.advance(10)
    await request(ledger)
    with pytest.raises(RateLimitedError):
        await request(ledger)


async def test_images_have_a_rate_of_their_own(ledger: Ledger, clock: Clock) -> None:
    await open_house(ledger, Policy(images_per_minute=6))
    await request(ledger, images=4)

    with pytest.raises(RateLimitedError) as refusal:
        await request(ledger, images=4)

    assert refusal.value.retry_after_seconds == 20
    await request(ledger, images=2)


async def test_a_request_for_more_than_a_minutes_worth_is_served_and_paid_for_in_time(
    ledger: Ledger, clock: Clock
) -> None:
    await open_house(ledger, Policy(images_per_minute=2))
    await request(ledger, images=6)

    with pytest.raises(RateLimitedError) as refusal:
        await request(ledger, images=1)

    assert refusal.value.retry_after_seconds == 150


async def test_what_is_refused_does_not_count(ledger: Ledger) -> None:
    await open_house(ledger, Policy(requests_per_minute=1))
    await request(ledger)
    for _ in range(3):
        with pytest.raises(RateLimitedError) as refusal:
            await request(ledger)

    assert refusal.value.retry_after_seconds == 60
    assert (await ledger.account("house")).held == 10


async def test_a_request_that_cannot_be_paid_does_not_count(ledger: Ledger) -> None:
    await ledger.create_account("house", credits_micro=10, policy=Policy(requests_per_minute=1))
    with pytest.raises(InsufficientCreditsError):
        await take(ledger, CALLER, 11)

    await request(ledger)


async def test_a_repeated_request_gets_the_first_outcome_and_no_rate_limit(
    ledger: Ledger,
) -> None:
    await open_house(ledger, Policy(requests_per_minute=1))
    key = Idempotency("poster-7", "digest")
    await take(ledger, CALLER, 10, idempotency=key)

    with pytest.raises(IdempotencyInProgressError):
        await take(ledger, CALLER, 10, idempotency=key)


async def test_the_rates_of_two_accounts_have_nothing_to_do_with_each_other(
    ledger: Ledger, caller: Caller
) -> None:
    await open_house(ledger, Policy(requests_per_minute=1))
    await request(ledger)

    await take(ledger, caller, 10)


async def test_a_new_rate_counts_what_was_done_at_the_old_one(ledger: Ledger, clock: Clock) -> None:
    await open_house(ledger, Policy(requests_per_minute=1))
    await request(ledger)
    await ledger.set_policy("house", Policy(requests_per_minute=60))

    with pytest.raises(RateLimitedError) as refusal:
        await request(ledger)

    assert refusal.value.retry_after_seconds == 1


async def test_a_rate_holds_across_processes(store: Store, clock: Clock) -> None:
    pods = [store.open(clock) for _ in range(3)]
    await open_house(pods[0], Policy(requests_per_minute=10))

    outcomes = await asyncio.gather(
        *(request(pod) for pod in pods for _ in range(20)), return_exceptions=True
    )

    assert Counter(map(type, outcomes)) == {type(None): 10, RateLimitedError: 50}
    await asyncio.gather(*(pod.close() for pod in pods))
