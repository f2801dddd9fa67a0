"""What a model spent before its budget is counted beside the writer, and completed by it."""

from contextlib import closing
from datetime import date

import pytest

from tests.gateway.ledger.archiving import DAY, archived
from tintype_gateway.accounts import Budget
from tintype_gateway.ledger import Caller, Ledger
from tintype_gateway.ledger.sqlite.budget_history import Counted, count, spent_before
from tintype_gateway.ledger.sqlite.database import connect
from tintype_testing.ledger_stores import SqliteStore
from tintype_testing.ledgers import Clock, take

MODEL = "gpt-image-1"


@pytest.fixture
def store(sqlite_store: SqliteStore) -> SqliteStore:
    return sqlite_store


def counted_now(store: SqliteStore) -> Counted:
    with closing(connect(store.path, 5)) as connection:
        return count(connection, "studio", {MODEL})


def spent(store: SqliteStore, newest: date, counted: Counted) -> tuple[int, int, int]:
    with closing(connect(store.path, 5)) as connection:
        return spent_before(connection, "studio", MODEL, newest, counted)[3:]


async def charge(ledger: Ledger, caller: Caller, amount: int, model: str = MODEL) -> None:
    await ledger.settle(await take(ledger, caller, amount, model=model), amount)


async def test_what_is_charged_and_held_after_the_count_is_added(
    ledger: Ledger, caller: Caller, clock: Clock, store: SqliteStore
) -> None:
    await charge(ledger, caller, 100)
    clock.advance(DAY)
    running = await take(ledger, caller, 40)
    await charge(ledger, caller, 7)
    counted = counted_now(store)
    await ledger.settle(running, 30)
    await charge(ledger, caller, 5)
    await charge(ledger, caller, 3, model="another")
    await take(ledger, caller, 2)

    sums = spent(store, date(2027, 1, 16), counted)

    assert sums == (30 + 7 + 5 + 2, 144, 144)
    assert sums == spent(store, date(2027, 1, 16), Counted()), "all counted at once"


async def test_charges_that_are_archived_after_the_count_are_not_added_again(
    ledger: Ledger, caller: Caller, clock: Clock, store: SqliteStore
) -> None:
    await charge(ledger, caller, 100)
    clock.advance(4 * DAY)
    await charge(ledger, caller, 10)
    counted = counted_now(store)
    await archived(store, clock, store.path.with_name("archive.jsonl.gz"))

    assert spent(store, date(2027, 1, 19), counted) == (10, 10, 110)
    assert spent(store, date(2027, 1, 19), Counted()) == (10, 10, 110)


async def test_a_model_that_has_a_budget_is_not_counted_again(
    ledger: Ledger, caller: Caller, store: SqliteStore
) -> None:
    await charge(ledger, caller, 100)
    await ledger.set_budgets("studio", "UTC", [Budget(window="day", limit=500, model=MODEL)])

    assert counted_now(store) == Counted()
    assert (await ledger.audit()).problems == ()
