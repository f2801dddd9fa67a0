"""What accounts were charged for, by model."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tintype_gateway.ledger import Caller, Ledger, Usage
from tintype_testing.ledgers import Clock, take

DAY = 24 * 3600


@pytest.fixture
def today(clock: Clock) -> date:
    return datetime.fromtimestamp(clock.now, UTC).date()


async def buy(ledger: Ledger, account: str, model: str, cost: int, images: int) -> None:
    hold = await take(ledger, Caller(account, "key-1"), 100, model=model)
    await ledger.settle(hold, cost, images=images)


async def test_charges_are_summed_up_by_model(ledger: Ledger, caller: Caller, today: date) -> None:
    for cost, images in ((40, 2), (20, 1)):
        await buy(ledger, "studio", "gpt-image-1", cost, images)
    await buy(ledger, "studio", "dall-e-3", 70, 1)

    assert await ledger.usage(today, account="studio") == [
        Usage("studio", "dall-e-3", requests=1, images=1, charged=70),
        Usage("studio", "gpt-image-1", requests=2, images=3, charged=60),
    ]


async def test_the_use_of_all_accounts_is_listed_by_account(
    ledger: Ledger, caller: Caller, today: date
) -> None:
    await ledger.create_account("anna", unlimited=True)
    await buy(ledger, "studio", "gpt-image-1", 40, 1)
    await buy(ledger, "anna", "gpt-image-1", 20, 1)

    assert [(use.account, use.charged) for use in await ledger.usage(today)] == [
        ("anna", 20),
        ("studio", 40),
    ]


async def test_only_what_was_charged_since_then_counts(
    ledger: Ledger, caller: Caller, clock: Clock, today: date
) -> None:
    for cost in (1, 2, 4):
        await buy(ledger, "studio", "gpt-image-1", cost, images=1)
        clock.advance(DAY)

    (use,) = await ledger.usage(today + timedelta(days=1))

    assert (use.requests, use.charged) == (2, 6)


async def test_a_day_begins_at_midnight_utc(
    ledger: Ledger, caller: Caller, clock: Clock, today: date
) -> None:
    clock.now += DAY - clock.now % DAY - 1
    await buy(ledger, "studio", "gpt-image-1", 1, images=1)
    clock.advance(1)
    await buy(ledger, "studio", "gpt-image-1", 2, images=1)

    (use,) = await ledger.usage(today + timedelta(days=1))

    assert use.charged == 2


async def test_a_late_settlement_counts_on_the_day_of_its_charge(
    ledger: Ledger, caller: Caller, clock: Clock, today: date
) -> None:
    late = await take(ledger, caller, 100, lifetime_seconds=1)
    clock.advance(DAY)
    await ledger.expire_holds()
    await ledger.settle(late, 30, images=1)

    (use,) = await ledger.usage(today + timedelta(days=1))

    assert use.charged == 30


async def test_what_was_not_charged_is_not_used(
    ledger: Ledger, caller: Caller, today: date
) -> None:
    await ledger.release(await take(ledger, caller, 100), "provider unavailable")
    await take(ledger, caller, 100)

    assert await ledger.usage(today) == []


async def test_a_negative_number_of_images_is_refused(ledger: Ledger, caller: Caller) -> None:
    hold = await take(ledger, caller, 100)

    with pytest.raises(ValueError, match="images"):
        await ledger.settle(hold, 10, images=-1)

    assert (await ledger.account("studio")).held == 100
