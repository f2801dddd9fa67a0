from pathlib import Path

import pytest

from tintype_testing.ledger_stores import PostgresStore, SqliteStore, Store


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty ledger's database, of each engine."""
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "ledger.db")
    return PostgresStore(
        request.getfixturevalue("postgres"), request.getfixturevalue("empty_ledger")
    )
