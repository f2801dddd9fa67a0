"""Charges are summed up by account, key, end user, model and day, of either engine alike."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.ledger.archiving import archived
from tintype_gateway.holds import HoldRequest
from tintype_gateway.ledger import Caller, Ledger
from tintype_gateway.ledger.usage import (
    BATCH,
    DIMENSIONS,
    MAX_USER_CHARACTERS,
    Dimension,
    ReportEndedError,
    UsageQuery,
    UsageSum,
    recorded_user,
)
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import Clock

DAY = 24 * 3600

Bought = tuple[str, str, str, str, str, int, int]
"""Account, key, user, model, day, images and cost of a charge."""


async def report(ledger: Ledger, query: UsageQuery) -> list[UsageSum]:
    rows: list[UsageSum] = []

    async def take(sums: Sequence[UsageSum]) -> None:
        assert 0 < len(sums) <= BATCH
        rows.extend(sums)

    await ledger.report_usage(query, take)
    return rows


def day_of(clock: Clock) -> date:
    return datetime.fromtimestamp(clock.now, UTC).date()


async def buy(
    ledger: Ledger, caller: Caller, cost: int = 1, *, model: str = "canvas", user: str = ""
) -> None:
    request = HoldRequest(request_id="req-1", amount=100, model=model, provider="openai", user=user)
    hold = await ledger.hold(caller, request)
    await ledger.settle(hold, cost, images=1)


@pytest.fixture
async def bought(ledger: Ledger, clock: Clock) -> list[Bought]:
    """Charges of every combination of two of each, on two days."""
    for name in ("anna", "studio"):
        await ledger.create_account(name, unlimited=True)
    charges: list[Bought] = []
    for _ in range(2):
        day = day_of(clock).isoformat()
        for number, (account, key, user, model) in enumerate(
            product(("anna", "studio"), ("key-1", "key-2"), ("", "pia"), ("canvas", "sketch"))
        ):
            await buy(ledger, Caller(account, key), 2**number % 97, model=model, user=user)
            charges.append((account, key, user, model, day, 1, 2**number % 97))
        clock.advance(DAY)
    return charges


def summed(charges: Sequence[Bought], by: Sequence[Dimension]) -> list[UsageSum]:
    """Return what a report of the charges must say."""
    requests: Counter[tuple[str, ...]] = Counter()
    images: Counter[tuple[str, ...]] = Counter()
    costs: Counter[tuple[str, ...]] = Counter()
    for charge in charges:
        values = tuple(str(charge[DIMENSIONS.index(each)]) for each in by)
        requests[values] += 1
        images[values] += charge[5]
        costs[values] += charge[6]
    return [UsageSum(each, requests[each], images[each], costs[each]) for each in sorted(requests)]


async def test_charges_are_summed_up_by_any_dimensions(
    ledger: Ledger, bought: list[Bought], clock: Clock
) -> None:
    first = day_of(clock) - timedelta(days=2)
    reports: list[tuple[Dimension, ...]] = [
        *((each,) for each in DIMENSIONS),
        ("day", "user"),
        ("model", "key"),
        DIMENSIONS,
    ]
    for by in reports:
        assert await report(ledger, UsageQuery(first, by=by)) == summed(bought, by)


async def test_the_days_and_the_account_of_a_report_bound_it(
    ledger: Ledger, bought: list[Bought], clock: Clock
) -> None:
    first = day_of(clock) - timedelta(days=2)
    second = first + timedelta(days=1)
    of_studio = [charge for charge in bought if charge[0] == "studio"]
    on_first = [charge for charge in of_studio if charge[4] == first.isoformat()]
    by: tuple[Dimension, ...] = ("account", "day")

    assert await report(ledger, UsageQuery(first, None, by, "studio")) == summed(of_studio, by)
    assert await report(ledger, UsageQuery(first, second, by, "studio")) == summed(on_first, by)
    assert await report(ledger, UsageQuery(second + timedelta(days=1))) == []
    assert await report(ledger, UsageQuery(first, account="nobody")) == []


async def test_a_report_agrees_with_the_charges_after_archiving(
    ledger: Ledger, bought: list[Bought], clock: Clock, store: Store, tmp_path: Path
) -> None:
    query = UsageQuery(day_of(clock) - timedelta(days=2), by=DIMENSIONS)
    clock.advance(3 * DAY)
    await ledger.audit()

    run = await archived(store, clock, tmp_path / "archive.jsonl.gz")

    assert run.postings == len(bought)
    assert await report(ledger, query) == summed(bought, DIMENSIONS)
    assert (await ledger.audit()).problems == ()


async def test_more_rows_than_a_batch_come_in_several(ledger: Ledger, store: Store) -> None:
    await ledger.create_account("studio")
    rows = ", ".join(
        f"('studio', '2026-11-01', 'canvas', 'key', 'user-{number:05}', 1, 1, 1)"
        for number in range(2 * BATCH + 1)
    )
    await store.execute(
        "INSERT INTO daily_usage (account, day, model, key_id, end_user, requests, images, charged)"  # noqa: S608 - our own words
        f" VALUES {rows}"
    )
    sizes: list[int] = []

    async def take(sums: Sequence[UsageSum]) -> None:
        sizes.append(len(sums))

    await ledger.report_usage(UsageQuery(date(2026, 11, 1), by=("user",)), take)

    assert sizes == [BATCH, BATCH, 1]


async def test_charges_that_are_made_meanwhile_do_not_change_a_report(
    ledger: Ledger, caller: Caller, clock: Clock, store: Store
) -> None:
    await buy(ledger, caller, 7)
    rows: list[UsageSum] = []

    async def take(sums: Sequence[UsageSum]) -> None:
        await buy(ledger, caller, 3)
        rows.extend(sums)

    await ledger.report_usage(UsageQuery(day_of(clock)), take)

    assert rows == [UsageSum(("studio", "canvas"), 1, 1, 7)]
    (later,) = await report(ledger, UsageQuery(day_of(clock)))
    assert later.charged == 10


async def test_the_error_of_the_reader_ends_a_report(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    await buy(ledger, caller)

    async def take(sums: Sequence[UsageSum]) -> None:
        raise ConnectionResetError

    with pytest.raises(ReportEndedError) as caught:
        await ledger.report_usage(UsageQuery(day_of(clock)), take)

    assert isinstance(caught.value.__cause__, ConnectionResetError)
    assert await report(ledger, UsageQuery(day_of(clock)))


OF_KEY_AND_USER = (
    "account studio was charged 7 micro-credits for 1 requests of canvas that the daily usage of"
    " their key and end user lacks"
)
OF_MODEL = (
    "the charges of account studio for canvas, with those in archives, are 7 micro-credits above"
    " its daily usage"
)


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ("UPDATE daily_usage SET end_user = 'another'", (OF_KEY_AND_USER,)),
        ("UPDATE daily_usage SET key_id = 'another'", (OF_KEY_AND_USER,)),
        ("UPDATE daily_usage SET model = 'another'", (OF_KEY_AND_USER, OF_MODEL)),
    ],
)
async def test_an_audit_finds_charges_under_another_key_user_or_model(
    ledger: Ledger, caller: Caller, store: Store, change: str, problems: tuple[str, ...]
) -> None:
    await buy(ledger, caller, 7, user="pia")
    assert (await ledger.audit()).problems == ()

    await store.execute(change)

    assert (await ledger.audit()).problems == problems


async def test_usage_from_before_keys_and_users_were_recorded_passes_the_audit(
    ledger: Ledger, caller: Caller, store: Store
) -> None:
    await buy(ledger, caller, 7)
    await store.execute("UPDATE daily_usage SET key_id = ''")
    await buy(ledger, caller, 3, user="pia")

    assert (await ledger.audit()).problems == ()


@given(st.text(max_size=600))
def test_a_recorded_user_is_short_and_can_be_stored(user: str) -> None:
    recorded = recorded_user(user)

    assert len(recorded) <= MAX_USER_CHARACTERS
    assert "\0" not in recorded
    assert recorded.encode().decode() == recorded
    if len(user) <= MAX_USER_CHARACTERS and "\0" not in user:
        assert recorded == user


def test_long_users_with_one_beginning_stay_different() -> None:
    assert recorded_user("x" * 100 + "a") != recorded_user("x" * 100 + "b")
    assert recorded_user("\ud800") == "?"
    assert recorded_user(None) == ""


async def test_a_user_of_any_text_is_charged(ledger: Ledger, caller: Caller, clock: Clock) -> None:
    for user in ("\0", "\ud800", "é" * 512, "'; DROP TABLE hold"):
        await buy(ledger, caller, user=user)

    assert len(await report(ledger, UsageQuery(day_of(clock), by=("user",)))) == 4
