"""What the database refuses by itself, whatever the code above it does."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.ledger.support import connect, take
from tintype_gateway.ledger import Caller, Idempotency, Ledger


@pytest.fixture
async def database(ledger: Ledger, caller: Caller, path: Path) -> AsyncIterator[sqlite3.Connection]:
    """A ledger with a grant, a charge and an open hold, as a careless program may open it."""
    await ledger.settle(await take(ledger, caller, 400), 150)
    await take(ledger, caller, 70, idempotency=Idempotency("poster-7", "digest"))
    connection = connect(path)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET amount = 0",
        "DELETE FROM entry",
        "UPDATE posting SET reason = 'another' WHERE kind = 'grant'",
        "DELETE FROM posting",
    ],
)
def test_what_was_posted_cannot_be_changed(database: sqlite3.Connection, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        database.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE account SET held = -1",
        "UPDATE account SET held = 0.5",
        "UPDATE account SET balance = 0.5",
        "UPDATE hold SET amount = -1",
        "UPDATE hold SET state = 'lost'",
        "UPDATE hold SET state = 'settled' WHERE state = 'open'",
        "INSERT INTO entry (posting_id, account, amount) VALUES (1, 'sys:revenue', 0.5)",
    ],
)
def test_a_figure_or_state_that_cannot_be_is_refused(
    database: sqlite3.Connection, statement: str
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        database.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO entry (posting_id, account, amount) VALUES (1, 'studio', 5)",
        "INSERT INTO posting (kind, hold_id, created_at)"
        " SELECT 'charge', hold_id, 0 FROM posting WHERE hold_id IS NOT NULL",
        "UPDATE hold SET idempotency_key = 'poster-7', request_digest = 'digest'",
    ],
)
def test_a_second_entry_charge_or_use_of_a_key_is_refused(
    database: sqlite3.Connection, statement: str
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        database.execute(statement)
