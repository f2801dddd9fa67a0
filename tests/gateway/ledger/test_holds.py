import pytest

from tintype_gateway.ledger import (
    AccountNotFoundError,
    Caller,
    Hold,
    HoldClosedError,
    InsufficientCreditsError,
    Ledger,
    Settlement,
)
from tintype_testing.ledgers import Clock, take


async def available(ledger: Ledger) -> int | None:
    return (await ledger.account("studio")).available


async def test_a_hold_lowers_what_is_available_and_not_the_balance(
    ledger: Ledger, caller: Caller
) -> None:
    hold = await take(ledger, caller, 400)

    account = await ledger.account("studio")
    assert (hold.account, hold.amount) == ("studio", 400)
    assert (account.balance, account.held, account.available) == (1000, 400, 600)


async def test_all_that_is_available_can_be_held(ledger: Ledger, caller: Caller) -> None:
    await take(ledger, caller, 1000)

    assert await available(ledger) == 0


async def test_a_hold_above_what_is_available_is_refused(ledger: Ledger, caller: Caller) -> None:
    await take(ledger, caller, 400)

    with pytest.raises(InsufficientCreditsError) as refusal:
        await take(ledger, caller, 601)

    assert (refusal.value.required, refusal.value.available) == (601, 600)
    assert await available(ledger) == 600


async def test_a_free_request_needs_no_credits(ledger: Ledger) -> None:
    await ledger.create_account("empty")

    hold = await take(ledger, Caller("empty", "key-1"), 0)

    assert hold.amount == 0


async def test_a_negative_hold_is_refused(ledger: Ledger, caller: Caller) -> None:
    with pytest.raises(ValueError, match="micro-credits"):
        await take(ledger, caller, -1)


async def test_a_hold_for_an_unknown_account_is_refused(ledger: Ledger) -> None:
    with pytest.raises(AccountNotFoundError):
        await take(ledger, Caller("nobody", "key-1"), 0)


async def test_a_settlement_charges_the_cost_and_gives_back_the_rest(
    ledger: Ledger, caller: Caller
) -> None:
    hold = await take(ledger, caller, 400)

    settlement = await ledger.settle(hold, 150)

    account = await ledger.account("studio")
    assert settlement == Settlement(charged=150, available=850, late=False, excess=0)
    assert (account.balance, account.held) == (850, 0)


async def test_a_settlement_counts_the_holds_of_other_requests_as_spent(
    ledger: Ledger, caller: Caller
) -> None:
    hold = await take(ledger, caller, 400)
    await take(ledger, caller, 100)

    settlement = await ledger.settle(hold, 150)

    assert settlement.available == 750


async def test_a_settlement_charges_at_most_the_hold(ledger: Ledger, caller: Caller) -> None:
    hold = await take(ledger, caller, 400)

    settlement = await ledger.settle(hold, 10**20)

    assert settlement == Settlement(charged=400, available=600, late=False, excess=10**20 - 400)


async def test_the_hold_is_what_the_ledger_knows_not_what_the_caller_says(
    ledger: Ledger, caller: Caller
) -> None:
    hold = await take(ledger, caller, 400)

    settlement = await ledger.settle(Hold(hold.id, "someone-else", 999), 999)

    assert settlement.charged == 400
    assert await available(ledger) == 600


async def test_a_negative_cost_is_refused_and_the_hold_stays(
    ledger: Ledger, caller: Caller
) -> None:
    hold = await take(ledger, caller, 400)

    with pytest.raises(ValueError, match="micro-credits"):
        await ledger.settle(hold, -1)

    assert (await ledger.settle(hold, 1)).charged == 1


async def test_a_settlement_of_nothing_is_a_charge_too(ledger: Ledger, caller: Caller) -> None:
    hold = await take(ledger, caller, 400)

    settlement = await ledger.settle(hold, 0)

    assert settlement == Settlement(charged=0, available=1000, late=False, excess=0)


async def test_a_release_gives_everything_back(ledger: Ledger, caller: Caller) -> None:
    hold = await take(ledger, caller, 400)

    await ledger.release(hold, "provider unavailable")

    account = await ledger.account("studio")
    assert (account.balance, account.held) == (1000, 0)


async def test_a_settled_hold_cannot_be_ended_again(ledger: Ledger, caller: Caller) -> None:
    hold = await take(ledger, caller, 400)
    await ledger.settle(hold, 150)

    with pytest.raises(HoldClosedError):
        await ledger.settle(hold, 150)
    with pytest.raises(HoldClosedError):
        await ledger.release(hold, "again")

    assert await available(ledger) == 850


async def test_a_released_hold_cannot_be_ended_again(ledger: Ledger, caller: Caller) -> None:
    hold = await take(ledger, caller, 400)
    await ledger.release(hold, "provider unavailable")

    with pytest.raises(HoldClosedError):
        await ledger.settle(hold, 150)
    with pytest.raises(HoldClosedError):
        await ledger.release(hold, "again")

    assert await available(ledger) == 1000


async def test_a_hold_that_was_never_taken_cannot_be_settled(
    ledger: Ledger, caller: Caller
) -> None:
    with pytest.raises(HoldClosedError):
        await ledger.settle(Hold("hold-0", caller.account, 400), 150)


async def test_an_overdue_hold_expires_and_gives_everything_back(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    await take(ledger, caller, 400, lifetime_seconds=10)
    await take(ledger, caller, 100, lifetime_seconds=11)
    clock.advance(10)

    assert await ledger.expire_holds() == 1
    assert await available(ledger) == 900


async def test_holds_expire_once(ledger: Ledger, caller: Caller, clock: Clock) -> None:
    await take(ledger, caller, 400, lifetime_seconds=10)
    clock.advance(10)
    await ledger.expire_holds()

    assert await ledger.expire_holds() == 0
    assert await available(ledger) == 1000


async def test_a_renewed_hold_lives_on(ledger: Ledger, caller: Caller, clock: Clock) -> None:
    hold = await take(ledger, caller, 400, lifetime_seconds=10)
    clock.advance(9)
    await ledger.renew(hold, 10)
    clock.advance(9)

    assert await ledger.expire_holds() == 0


@pytest.mark.parametrize("end", ["settled", "released", "expired"])
async def test_a_hold_that_is_not_open_cannot_be_renewed(
    ledger: Ledger, caller: Caller, clock: Clock, end: str
) -> None:
    hold = await take(ledger, caller, 400, lifetime_seconds=10)
    if end == "settled":
        await ledger.settle(hold, 150)
    elif end == "released":
        await ledger.release(hold, "provider unavailable")
    else:
        clock.advance(10)
        await ledger.expire_holds()

    with pytest.raises(HoldClosedError):
        await ledger.renew(hold, 10)


async def test_a_late_settlement_charges_even_what_others_hold_by_now(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    late = await take(ledger, caller, 1000, lifetime_seconds=10)
    clock.advance(10)
    await ledger.expire_holds()
    await take(ledger, caller, 1000)

    settlement = await ledger.settle(late, 800)

    assert settlement == Settlement(charged=800, available=-800, late=True, excess=0)


async def test_a_late_settlement_happens_once(ledger: Ledger, caller: Caller, clock: Clock) -> None:
    late = await take(ledger, caller, 400, lifetime_seconds=10)
    clock.advance(10)
    await ledger.expire_holds()
    await ledger.settle(late, 150)

    with pytest.raises(HoldClosedError):
        await ledger.settle(late, 150)

    assert await available(ledger) == 850


async def test_an_expired_hold_can_be_released_and_gives_back_nothing_more(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    hold = await take(ledger, caller, 400, lifetime_seconds=10)
    clock.advance(10)
    await ledger.expire_holds()

    await ledger.release(hold, "timeout")

    assert await available(ledger) == 1000
    with pytest.raises(HoldClosedError):
        await ledger.settle(hold, 150)


async def test_an_unlimited_account_is_charged_and_never_refused(ledger: Ledger) -> None:
    await ledger.create_account("house", unlimited=True)
    hold = await take(ledger, Caller("house", "key-1"), 10**9)

    settlement = await ledger.settle(hold, 10**8)

    assert settlement == Settlement(charged=10**8, available=None, late=False, excess=0)
    assert (await ledger.account("house")).balance == -(10**8)
