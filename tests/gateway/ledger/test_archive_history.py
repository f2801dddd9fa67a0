"""Any history, archived at any dates and killed at any statement, leaves the books unchanged."""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.ledger.archiving import KilledError, archived
from tintype_gateway.ledger import Caller, Ledger
from tintype_gateway.ledger.archive import export, removal
from tintype_gateway.ledger.archive.file import read_file
from tintype_testing.ledger_stores import PostgresStore, SqliteStore, Store
from tintype_testing.ledgers import Clock, take
from tintype_testing.postgres import PostgresServer

ACCOUNTS = ("ink", "studio")

Step = tuple[str, int, int]
"""An account, an amount (negative: an adjustment), and hours until the next step."""

steps = st.tuples(st.sampled_from(ACCOUNTS), st.integers(-50, 100), st.integers(0, 60))
histories = st.lists(steps, min_size=1, max_size=12)
kills = st.lists(st.integers(0, 60), max_size=3)
days = st.integers(2, 8)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "LIST_BATCH", 4)
    monkeypatch.setattr(removal, "DELETE_BATCH", 3)


async def happen(ledger: Ledger, clock: Clock, history: Sequence[Step]) -> None:
    for account, amount, hours in history:
        if amount < 0:
            await ledger.adjust(account, amount, reason="invoice")
        else:
            hold = await take(ledger, Caller(account, "key-1"), amount)
            await ledger.settle(hold, amount, images=1)
        clock.advance(hours * 3600)


def files_in(folder: Path) -> set[tuple[str, int]]:
    """Return the SHA-256 and the number of postings of each complete file."""
    contents = map(read_file, folder.glob("ledger-*.gz"))
    return {(file.sha256, file.postings) for file in contents}


def old_postings(history: Sequence[Step], days: int) -> int:
    """Return how many postings of a history are older than some days, with the first grants."""
    total = sum(hours for _, _, hours in history)
    made_at, ages = 0, [total] * len(ACCOUNTS)
    for _, _, hours in history:
        ages.append(total - made_at)
        made_at += hours
    return sum(age > days * 24 for age in ages)


async def check(
    store: Store, folder: Path, history: Sequence[Step], kills: Sequence[int], days: int
) -> None:
    clock = Clock()
    ledger = store.open(clock)
    try:
        for name in ACCOUNTS:
            await ledger.create_account(name, credits_micro=1000, unlimited=True)
        await happen(ledger, clock, history)
        balances = await ledger.accounts()
        expected = old_postings(history, days)

        for statements in kills:
            with contextlib.suppress(KilledError):
                await archived(store, clock, folder, days=days, killed_after=statements)
            assert (await ledger.audit()).problems == ()
        await archived(store, clock, folder, days=days)

        audit = await ledger.audit()
        assert audit.problems == ()
        assert (audit.archived_postings, audit.unfinished_archive_runs) == (expected, 0)
        assert await ledger.accounts() == balances
        counted = files_in(folder)
        known = await store.query("SELECT sha256, postings FROM archive_run WHERE postings > 0")
        assert counted >= set(known)
        assert sum(postings for _, postings in known) == audit.archived_postings
    finally:
        await ledger.close()


def hold_for_any_history(new_store: Callable[[], Store], tmp_path: Path, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(histories, kills, days)
    def holds(history: Sequence[Step], kills: Sequence[int], days: int) -> None:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        asyncio.run(check(new_store(), folder, history, kills, days))

    holds()


def test_any_history_in_a_file_can_be_archived_at_any_date(tmp_path: Path) -> None:
    hold_for_any_history(
        lambda: SqliteStore(Path(tempfile.mkdtemp(dir=tmp_path), "ledger.db")), tmp_path, 40
    )


def test_any_history_in_postgresql_can_be_archived_at_any_date(
    postgres: PostgresServer, shared_ledger: str, tmp_path: Path
) -> None:
    def new_store() -> Store:
        postgres.empty(shared_ledger)
        return PostgresStore(postgres, shared_ledger)

    hold_for_any_history(new_store, tmp_path, 25)
