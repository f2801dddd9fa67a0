import asyncio
from collections import Counter

from tintype_gateway.ledger import (
    Caller,
    Hold,
    HoldClosedError,
    Idempotency,
    IdempotencyInProgressError,
    InsufficientCreditsError,
    Ledger,
)
from tintype_testing.ledgers import take


async def test_two_requests_never_spend_the_same_credit(ledger: Ledger) -> None:
    await ledger.create_account("studio", credits_micro=500)
    caller = Caller("studio", "key-1")

    outcomes = await asyncio.gather(
        *(take(ledger, caller, 10) for _ in range(200)), return_exceptions=True
    )

    assert Counter(map(type, outcomes)) == {Hold: 50, InsufficientCreditsError: 150}
    assert (await ledger.account("studio")).available == 0


async def test_one_of_many_settlements_of_a_hold_succeeds(ledger: Ledger, caller: Caller) -> None:
    hold = await take(ledger, caller, 400)

    outcomes = await asyncio.gather(
        *(ledger.settle(hold, 100) for _ in range(20)), return_exceptions=True
    )

    assert sum(isinstance(outcome, HoldClosedError) for outcome in outcomes) == 19
    assert (await ledger.account("studio")).balance == 900


async def test_one_of_many_requests_with_one_idempotency_key_starts(
    ledger: Ledger, caller: Caller
) -> None:
    key = Idempotency("poster-7", "digest")

    outcomes = await asyncio.gather(
        *(take(ledger, caller, 10, idempotency=key) for _ in range(100)), return_exceptions=True
    )

    assert Counter(map(type, outcomes)) == {Hold: 1, IdempotencyInProgressError: 99}


async def test_the_books_balance_after_a_busy_hour(ledger: Ledger) -> None:
    await ledger.create_account("studio", credits_micro=10_000)
    caller = Caller("studio", "key-1")

    async def request(number: int) -> None:
        hold = await take(ledger, caller, 20)
        if number % 3:
            await ledger.settle(hold, 10 + number % 2)
        else:
            await ledger.release(hold, "provider unavailable")

    await asyncio.gather(*(request(number) for number in range(300)))

    account = await ledger.account("studio")
    assert (account.balance, account.held) == (10_000 - 100 * 10 - 100 * 11, 0)
    assert (await ledger.audit()).problems == ()
