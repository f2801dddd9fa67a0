"""What fills a ledger for measurements writes the rows that operations on the ledger write."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench import ledger_history
from bench.ledger_history import (
    CHARGED,
    HELD,
    LIFETIME_SECONDS,
    MODELS,
    PROVIDER,
    REQUEST_SECONDS,
    History,
    fill,
)
from tintype_gateway.holds import HoldRequest
from tintype_gateway.ledger import Caller, Ledger
from tintype_testing.ledger_stores import PostgresStore, SqliteStore, Store
from tintype_testing.ledgers import Clock
from tintype_testing.postgres import PostgresServer

HISTORY = History(requests=40, accounts=3, first_at=1_800_000_000.0, seconds_apart=9 * 3600 + 0.5)

TABLES = {
    "account": "SELECT * FROM account WHERE name LIKE 'account-%' ORDER BY name",
    "revenue": "SELECT coalesce(sum(balance), 0) FROM account WHERE name = 'sys:revenue'",
    "hold": "SELECT * FROM hold ORDER BY id",
    "posting": "SELECT * FROM posting ORDER BY created_at",
    "entry": "SELECT entry.* FROM entry JOIN posting ON posting.id = posting_id"
    " ORDER BY created_at, account",
    "daily_usage": "SELECT * FROM daily_usage ORDER BY 1, 2, 3",
}

RANDOM = re.compile(r"(?:hold-|req_)?(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Sequence[Store]:
    """Two empty ledgers."""
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "one.db"), SqliteStore(tmp_path / "two.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    migrated: str = request.getfixturevalue("migrated")
    return tuple(PostgresStore(server, server.create_database(migrated)) for _ in range(2))


async def open_accounts(ledger: Ledger, clock: Clock) -> None:
    for number in range(HISTORY.accounts):
        clock.now = HISTORY.first_at - 10 + number
        await ledger.create_account(f"account-{number}", credits_micro=10_000)


async def settle_all(ledger: Ledger, clock: Clock) -> None:
    """Hold, settle and deliver what the history tells."""
    for number in range(HISTORY.requests):
        clock.now = HISTORY.first_at + number * HISTORY.seconds_apart
        request = HoldRequest(
            amount=HELD,
            request_id=f"req_{number:032x}",
            model=MODELS[number % 3],
            provider=PROVIDER,
            lifetime_seconds=LIFETIME_SECONDS,
        )
        caller = Caller(f"account-{number % HISTORY.accounts}", "key-1")
        hold = await ledger.hold(caller, request)
        clock.advance(REQUEST_SECONDS)
        await ledger.settle(hold, CHARGED, images=1)
        await ledger.mark_delivered([hold])


async def rows_of(store: Store, table: str) -> list[tuple[Any, ...]]:
    """Return the rows of a table, with the same number for what is random in both ledgers."""
    numbers: dict[str, str] = {}
    return [
        tuple(
            numbers.setdefault(str(value), f"random {len(numbers)}")
            if RANDOM.fullmatch(str(value))
            else value
            for value in row
        )
        for row in await store.query(TABLES[table])
    ]


async def test_the_rows_are_those_of_operations(
    stores: Sequence[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    (operated, filled), clock = stores, Clock()
    monkeypatch.setattr(ledger_history, "CHUNK", 7)
    for store in stores:
        ledger = store.open(clock)
        await open_accounts(ledger, clock)
        if store is operated:
            await settle_all(ledger, clock)
        await ledger.close()

    await fill(filled.url, HISTORY)

    for table in TABLES:
        assert await rows_of(filled, table) == await rows_of(operated, table), table
    ledger = filled.open(clock)
    audit = await ledger.audit()
    await ledger.close()
    assert (audit.problems, audit.entries) == ((), 2 * (HISTORY.accounts + HISTORY.requests))
