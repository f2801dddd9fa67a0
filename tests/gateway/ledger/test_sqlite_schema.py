"""What SQLite, which takes any type anywhere, refuses by our checks."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tintype_gateway.ledger.sqlite.database import ensure_exists
from tintype_testing.ledgers import connect


@pytest.fixture
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """An empty ledger, as a careless program may open it."""
    ensure_exists(path)
    with closing(connect(path)) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE account SET held = 0.5",
        "UPDATE account SET balance = 0.5",
        "UPDATE account SET requests_full_at = 0.5",
        "UPDATE account SET images_full_at = 0.5",
        "INSERT INTO entry (posting_id, account, amount) VALUES (1, 'sys:revenue', 0.5)",
    ],
)
def test_a_fraction_of_a_micro_credit_is_refused(
    database: sqlite3.Connection, statement: str
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        database.execute(statement)
