"""An audit of SQLite finds rows that violate constraints, and sums up charges in chunks."""

from contextlib import closing

import pytest

from tintype_gateway.ledger import Caller, Ledger
from tintype_gateway.ledger.sqlite import audit as sqlite_audit
from tintype_gateway.ledger.sqlite.audit import constraints
from tintype_testing.ledger_stores import SqliteStore
from tintype_testing.ledgers import connect, take


@pytest.fixture
def store(sqlite_store: SqliteStore) -> SqliteStore:
    return sqlite_store


def test_the_conditions_of_a_table_are_found_whatever_is_in_them() -> None:
    script = """CREATE TABLE one (
        kind TEXT CHECK (kind IN ('a)', 'it''s (b')), -- CHECK (not one)
        "CHECK" INTEGER check (length(kind) > 0 AND ("CHECK" IS NULL)),
        CHECK ((kind IS NULL) = ("CHECK" IS NULL))
    )"""

    assert list(constraints(script)) == [
        "(kind IN ('a)', 'it''s (b'))",
        '(length(kind) > 0 AND ("CHECK" IS NULL))',
        '((kind IS NULL) = ("CHECK" IS NULL))',
    ]


async def test_no_constraint_of_the_schema_is_missed(ledger: Ledger, store: SqliteStore) -> None:
    for (script,) in await store.query("SELECT sql FROM sqlite_master WHERE type = 'table'"):
        assert len(list(constraints(script))) == script.count("CHECK ("), script


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("account", "unlimited = 5"),
        ("hold", "state = 'opened'"),
        ("hold", "closed_at = 1"),
        ("job_queue", "queued = -1"),
    ],
)
async def test_a_row_that_violates_a_constraint_is_a_problem(
    ledger: Ledger, caller: Caller, store: SqliteStore, table: str, change: str
) -> None:
    await take(ledger, caller, 10)
    await store.execute("INSERT INTO job_queue (account) VALUES ('studio')")
    with closing(connect(store.path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(f"UPDATE {table} SET {change}")  # noqa: S608 - our own words

    assert f"CHECK constraint failed in {table}" in (await ledger.audit()).problems


@pytest.mark.parametrize("chunk", [1, 2, 7, 8])
async def test_charges_of_all_chunks_are_summed_up(
    ledger: Ledger,
    caller: Caller,
    store: SqliteStore,
    monkeypatch: pytest.MonkeyPatch,
    chunk: int,
) -> None:
    monkeypatch.setattr(sqlite_audit, "CHUNK", chunk)
    for cost in range(7):
        await ledger.settle(await take(ledger, caller, 10), cost, images=1)
    assert (await ledger.audit()).problems == ()

    await store.execute("UPDATE hold SET amount = 5 WHERE rowid = (SELECT max(rowid) FROM hold)")

    (problem,) = (await ledger.audit()).problems
    assert "of 5 was charged 6" in problem


async def test_deleted_holds_leave_no_gap_in_the_chunks(
    ledger: Ledger, caller: Caller, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_audit, "CHUNK", 2)
    holds = [await take(ledger, caller, 10) for _ in range(9)]
    for hold in holds[:1] + holds[-1:]:
        await ledger.settle(hold, 4, images=1)
    await store.execute(
        "UPDATE account SET held = 0, day_spent = 8, week_spent = 8, month_spent = 8"
        " WHERE name = 'studio';"
        "DELETE FROM hold WHERE state = 'open'"
    )

    assert (await ledger.audit()).problems == ()
