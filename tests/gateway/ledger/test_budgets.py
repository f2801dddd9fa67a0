"""Budgets on both engines: what a hold counts for, and what is corrected when it ends."""

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.gateway.ledger.archiving import archived
from tintype_gateway.ledger import (
    AccountNotFoundError,
    Budget,
    BudgetExceededError,
    Caller,
    Idempotency,
    Ledger,
)
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import Clock, take

DAY = 24 * 3600

ALERTS = 'SELECT model, "window", percent, limit_micro, spent FROM budget_alert ORDER BY id'


async def spent(ledger: Ledger) -> list[int]:
    """Return what is spent of each budget of the account."""
    return [window.spent for window in (await ledger.account("studio")).windows]


async def budgeted(ledger: Ledger, *budgets: Budget, time_zone: str = "UTC") -> None:
    await ledger.set_budgets("studio", time_zone, budgets)


def unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def test_a_hold_counts_its_ceiling_and_a_settlement_its_charge(
    ledger: Ledger, caller: Caller
) -> None:
    await budgeted(ledger, Budget("day", 500), Budget("month", 900))

    hold = await take(ledger, caller, 100)
    held = await spent(ledger)
    await ledger.settle(hold, 30)

    assert held == [100, 100]
    assert await spent(ledger) == [30, 30]


async def test_a_release_and_an_expiry_take_back_what_was_counted(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    await budgeted(ledger, Budget("day", 500), Budget("day", 500, "gpt-image-1"))
    await ledger.release(await take(ledger, caller, 100), "timeout", outcome_unknown=True)
    await take(ledger, caller, 100, lifetime_seconds=1)
    await take(ledger, caller, 7, model="canvas", lifetime_seconds=1)
    await take(ledger, caller, 5)

    clock.advance(1)
    await ledger.expire_holds()

    assert await spent(ledger) == [5, 5]


async def test_a_late_settlement_counts_again(ledger: Ledger, caller: Caller, clock: Clock) -> None:
    await budgeted(ledger, Budget("day", 500), Budget("day", 500, "gpt-image-1"))
    hold = await take(ledger, caller, 100, lifetime_seconds=1)
    clock.advance(1)
    await ledger.expire_holds()

    assert (await ledger.settle(hold, 40)).late

    assert await spent(ledger) == [40, 40]


async def test_a_hold_beyond_a_budget_is_refused_and_counts_nothing(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    clock.now = unix("2026-11-25T10:00:00+00:00")
    await budgeted(ledger, Budget("day", 100), Budget("month", 100))
    await take(ledger, caller, 60)

    with pytest.raises(BudgetExceededError) as refused:
        await take(ledger, caller, 41)

    assert refused.value.budget == Budget("month", 100)
    assert (refused.value.spent, refused.value.needed) == (60, 41)
    assert refused.value.ends_at == datetime(2026, 12, 1, tzinfo=UTC)
    assert await spent(ledger) == [60, 60]
    assert (await ledger.account("studio")).held == 60
    assert (await take(ledger, caller, 40)).budget_remaining == 0


async def test_a_hold_says_what_the_tightest_of_its_budgets_has_left(
    ledger: Ledger, caller: Caller
) -> None:
    await budgeted(ledger, Budget("month", 500), Budget("day", 80, "canvas"))

    assert (await take(ledger, caller, 100)).budget_remaining == 400
    assert (await take(ledger, caller, 30, model="canvas")).budget_remaining == 50


async def test_without_a_budget_nothing_remains_to_be_said(ledger: Ledger, caller: Caller) -> None:
    await budgeted(ledger, Budget("day", 10, "sketch"))

    assert (await take(ledger, caller, 100)).budget_remaining is None


async def test_an_unlimited_account_obeys_its_budgets(ledger: Ledger) -> None:
    await ledger.create_account("studio", unlimited=True)
    await budgeted(ledger, Budget("week", 100))
    caller = Caller("studio", "key")
    await take(ledger, caller, 100)

    with pytest.raises(BudgetExceededError):
        await take(ledger, caller, 1)


async def test_a_budget_of_a_model_counts_this_model(ledger: Ledger, caller: Caller) -> None:
    await budgeted(ledger, Budget("day", 100, "canvas"), Budget("day", 300))
    await take(ledger, caller, 100, model="canvas")

    with pytest.raises(BudgetExceededError) as refused:
        await take(ledger, caller, 1, model="canvas")
    await take(ledger, caller, 200, model="sketch")

    assert refused.value.budget.model == "canvas"
    assert await spent(ledger) == [100, 300]


async def test_a_window_ends_at_midnight_of_the_account(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    clock.now = unix("2026-10-24T23:59:59+02:00")  # the night in which clocks are set back
    await budgeted(ledger, Budget("day", 100), time_zone="Europe/Berlin")
    await take(ledger, caller, 100)

    clock.now = unix("2026-10-25T00:00:00+02:00")
    await take(ledger, caller, 100)
    clock.now = unix("2026-10-25T23:59:59+01:00")
    with pytest.raises(BudgetExceededError) as refused:
        await take(ledger, caller, 1)
    clock.now = refused.value.ends_at.timestamp()
    await take(ledger, caller, 100)

    assert refused.value.ends_at.isoformat() == "2026-10-26T00:00:00+01:00"


async def test_a_day_without_its_hour_ends_with_its_clock(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    clock.now = unix("2026-03-29T00:00:00+01:00")
    await budgeted(ledger, Budget("day", 100), time_zone="Europe/Berlin")
    await take(ledger, caller, 100)

    clock.now = unix("2026-03-29T23:59:59+02:00")
    with pytest.raises(BudgetExceededError):
        await take(ledger, caller, 1)
    clock.advance(1)

    assert (await take(ledger, caller, 100)).budget_remaining == 0


async def test_each_window_begins_anew_by_itself(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    clock.now = unix("2026-09-27T12:00:00+00:00")  # a Sunday
    windows = [Budget("day", 900), Budget("week", 900), Budget("month", 900)]
    await budgeted(ledger, *windows, Budget("month", 900, "gpt-image-1"))
    await take(ledger, caller, 1)
    seen = []
    for _ in range(5):
        clock.advance(DAY)
        seen.append(await spent(ledger))
        await take(ledger, caller, 1)

    assert seen == [  # a new week on Monday, a new month on Thursday
        [0, 0, 1, 1],
        [0, 1, 2, 2],
        [0, 2, 3, 3],
        [0, 3, 0, 0],
        [0, 4, 1, 1],
    ]


async def test_a_request_belongs_to_the_windows_of_its_hold(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    await budgeted(ledger, Budget("day", 100), Budget("week", 300), Budget("day", 90, "canvas"))
    yesterday = await take(ledger, caller, 60, model="canvas", lifetime_seconds=2 * DAY)
    clock.advance(DAY)
    await take(ledger, caller, 10, model="canvas")

    await ledger.settle(yesterday, 50)

    assert await spent(ledger) == [10, 60, 10]


async def test_a_clock_that_jumps_back_opens_no_earlier_window(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    await budgeted(ledger, Budget("day", 100), Budget("day", 100, "gpt-image-1"))
    await take(ledger, caller, 30)
    clock.advance(DAY)
    await take(ledger, caller, 100)

    clock.advance(-2 * DAY)
    with pytest.raises(BudgetExceededError):
        await take(ledger, caller, 1)

    assert await spent(ledger) == [100, 100]


async def test_a_new_budget_counts_what_was_spent_before_it(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    clock.now = unix("2026-11-26T12:00:00+00:00")
    await ledger.settle(await take(ledger, caller, 50, model="canvas"), 40)
    expired = await take(ledger, caller, 25, model="canvas", lifetime_seconds=1)
    clock.advance(DAY)
    await ledger.expire_holds()
    await ledger.settle(expired, 5)
    await take(ledger, caller, 20, model="canvas")
    await ledger.release(await take(ledger, caller, 9, model="canvas"), "timeout")
    await take(ledger, caller, 3, model="sketch")

    await budgeted(
        ledger,
        *(Budget("day", 900), Budget("month", 900)),
        *(Budget("day", 900, "canvas"), Budget("week", 900, "canvas")),
        Budget("day", 900, "unused"),
    )

    assert await spent(ledger) == [23, 68, 20, 65, 0]


async def test_a_new_budget_counts_the_day_to_which_the_clock_is_set_back(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    clock.now = unix("2026-11-30T12:00:00+00:00")
    await ledger.settle(await take(ledger, caller, 50, model="canvas"), 40)
    clock.advance(DAY)
    await budgeted(ledger, Budget("day", 900, "canvas"), Budget("month", 900, "canvas"))
    ahead = await spent(ledger)

    clock.advance(-DAY)
    await ledger.settle(await take(ledger, caller, 20, model="canvas"), 5)

    assert ahead == [0, 0]
    assert await spent(ledger) == [45, 45]
    assert (await ledger.audit()).problems == ()


async def test_budgets_are_replaced_as_a_whole_and_sums_stay(
    ledger: Ledger, caller: Caller
) -> None:
    await budgeted(ledger, Budget("day", 100), Budget("day", 100, "gpt-image-1"))
    await take(ledger, caller, 60)

    await budgeted(ledger, Budget("day", 50, "gpt-image-1", (80,)))
    lowered = await ledger.account("studio")
    await budgeted(ledger)
    none = await ledger.account("studio")
    await budgeted(ledger, Budget("day", 100, "gpt-image-1"))

    assert lowered.budgets == (Budget("day", 50, "gpt-image-1", (80,)),)
    assert [(each.spent, each.remaining) for each in lowered.windows] == [(60, 0)]
    assert (none.budgets, none.windows) == ((), ())
    assert await spent(ledger) == [60]


async def test_the_windows_of_another_time_zone_go_on_from_the_last_day(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    clock.now = unix("2026-11-25T12:00:00+00:00")
    await budgeted(ledger, Budget("day", 100), time_zone="Pacific/Kiritimati")  # the 26th
    await take(ledger, caller, 60)

    await budgeted(ledger, Budget("day", 100), time_zone="America/Los_Angeles")  # the 25th
    (behind,) = (await ledger.account("studio")).windows
    clock.advance(DAY + 3600)
    (there,) = (await ledger.account("studio")).windows
    await take(ledger, caller, 20)
    clock.advance(DAY)

    assert (behind.start.isoformat(), behind.spent) == ("2026-11-26T00:00:00-08:00", 60)
    assert there == behind
    assert await spent(ledger) == [0]


async def test_a_request_with_the_same_idempotency_key_counts_once(
    ledger: Ledger, caller: Caller
) -> None:
    await budgeted(ledger, Budget("day", 100))
    same = Idempotency("key", "digest")
    await take(ledger, caller, 60, idempotency=same)

    with pytest.raises(Exception, match="still running"):
        await take(ledger, caller, 60, idempotency=same)

    assert await spent(ledger) == [60]


async def test_as_many_holds_succeed_at_once_as_a_budget_allows(
    ledger: Ledger, store: Store, clock: Clock, caller: Caller
) -> None:
    await budgeted(ledger, Budget("day", 35), Budget("week", 1000, "gpt-image-1"))
    other = store.open(clock)
    outcomes = await asyncio.gather(
        *(take(each, caller, 10) for each in [ledger, other] * 25), return_exceptions=True
    )
    await other.close()

    refused = [each for each in outcomes if isinstance(each, BudgetExceededError)]
    assert len(outcomes) - len(refused) == 3
    assert await spent(ledger) == [30, 30]


async def test_at_the_end_of_a_window_under_load_each_day_is_spent_once(
    ledger: Ledger, store: Store, clock: Clock, caller: Caller
) -> None:
    clock.now = unix("2026-03-28T23:59:59+01:00")
    await budgeted(
        ledger, Budget("day", 200), Budget("day", 200, "gpt-image-1"), time_zone="Europe/Berlin"
    )
    other = store.open(clock)

    async def client(own: Ledger, number: int) -> None:
        for round_ in range(6):
            if (number, round_) == (5, 3):
                clock.advance(1)
            with contextlib.suppress(BudgetExceededError):
                await own.settle(await take(own, caller, 10), 10)

    await asyncio.gather(*(client((ledger, other)[n % 2], n) for n in range(20)))
    await other.close()

    days = await store.query("SELECT count(*) FROM hold GROUP BY day ORDER BY day")
    assert days == [(20,), (20,)]
    assert await spent(ledger) == [200, 200]
    assert (await ledger.audit()).problems == ()


async def test_archived_charges_stay_counted(
    ledger: Ledger, store: Store, clock: Clock, caller: Caller, tmp_path: Path
) -> None:
    clock.now = unix("2026-11-05T12:00:00+00:00")
    await budgeted(ledger, Budget("month", 900), Budget("month", 900, "canvas"))
    for cost in (40, 30):
        await ledger.settle(await take(ledger, caller, 50, model="canvas"), cost)
        await ledger.settle(await take(ledger, caller, 50), 5)
        clock.advance(5 * DAY)
        assert (await archived(store, clock, tmp_path / f"{cost}")).postings >= 2

    unchanged = await spent(ledger)
    await budgeted(ledger, Budget("month", 900, "gpt-image-1"))

    assert unchanged == [80, 70]
    assert await spent(ledger) == [10]
    assert (await ledger.audit()).problems == ()


async def test_an_alert_is_recorded_once_when_its_percentage_is_charged(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock
) -> None:
    await budgeted(ledger, Budget("day", 100, alerts=(50, 80)), Budget("week", 900, alerts=(1,)))
    recorded = []
    for cost in (49, 1, 20, 30):
        hold = await take(ledger, caller, cost)
        recorded.append(len(await store.query(ALERTS)))
        await ledger.settle(hold, cost)
        recorded.append(len(await store.query(ALERTS)))
    clock.advance(DAY)
    await ledger.settle(await take(ledger, caller, 50), 50)

    assert recorded == [0, 1, 1, 2, 2, 2, 2, 3]
    assert await store.query(ALERTS) == [
        (None, "week", 1, 900, 49),
        (None, "day", 50, 100, 50),
        (None, "day", 80, 100, 100),
        (None, "day", 50, 100, 50),
    ]


async def test_what_is_held_by_others_is_no_reason_for_an_alert(
    ledger: Ledger, caller: Caller, store: Store
) -> None:
    await budgeted(ledger, Budget("day", 100, alerts=(50,)), Budget("day", 9, "sketch", (50,)))
    await take(ledger, caller, 80)

    await ledger.settle(await take(ledger, caller, 10), 10)

    assert await store.query(ALERTS) == []


async def test_a_late_charge_is_counted_for_alerts(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock
) -> None:
    await budgeted(ledger, Budget("day", 100, "gpt-image-1", (50, 60)))
    hold = await take(ledger, caller, 55, lifetime_seconds=1)
    clock.advance(1)
    await ledger.expire_holds()

    await ledger.settle(hold, 55)

    assert await store.query(ALERTS) == [("gpt-image-1", "day", 50, 100, 55)]


async def test_a_budget_that_was_raised_has_alerts_of_its_own(
    ledger: Ledger, caller: Caller, store: Store
) -> None:
    for limit in (100, 200, 100):
        await budgeted(ledger, Budget("month", limit, alerts=(10,)))
        await ledger.settle(await take(ledger, caller, 20), 20)

    assert await store.query(ALERTS) == [
        (None, "month", 10, 100, 20),
        (None, "month", 10, 200, 40),
    ]


async def test_budgets_of_an_unknown_account_cannot_be_set(ledger: Ledger) -> None:
    with pytest.raises(AccountNotFoundError):
        await ledger.set_budgets("nobody", "UTC", [])


@pytest.mark.parametrize("time_zone", ["Europe/Atlantis", "CEST-2", ""])
async def test_a_time_zone_must_exist(ledger: Ledger, caller: Caller, time_zone: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        await ledger.set_budgets("studio", time_zone, [Budget("day", 1)])

    assert (await ledger.account("studio")).budgets == ()


@pytest.mark.parametrize(
    ("tampering", "problem"),
    [
        (
            "UPDATE account SET week_spent = 71",
            "account studio has 70, 71 and 70 spent in its day, week and month,"
            " its holds and charges add up to 70, 70 and 70",
        ),
        (
            "UPDATE model_spent SET day_spent = 0",
            "account studio has 0, 70 and 70 spent on gpt-image-1 in its day, week and month,"
            " its holds and charges add up to 70, 70 and 70",
        ),
    ],
)
async def test_sums_that_differ_from_the_books_are_a_problem(
    ledger: Ledger, caller: Caller, store: Store, tampering: str, problem: str
) -> None:
    await budgeted(ledger, Budget("day", 500, "gpt-image-1"))
    await ledger.settle(await take(ledger, caller, 50), 40)
    await take(ledger, caller, 30)
    assert (await ledger.audit()).problems == ()

    await store.execute(tampering)

    assert problem in (await ledger.audit()).problems
