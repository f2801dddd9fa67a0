from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tintype_gateway.ledger import Caller, Ledger
from tintype_testing.ledger_stores import PostgresStore, SqliteStore, Store
from tintype_testing.ledgers import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty ledger's database, of each engine."""
    store: Store = request.getfixturevalue(f"{request.param}_store")
    return store


@pytest.fixture
def sqlite_store(path: Path) -> SqliteStore:
    """An empty ledger's database in a file."""
    return SqliteStore(path)


@pytest.fixture
def postgresql_store(request: pytest.FixtureRequest) -> PostgresStore:
    """An empty ledger's database in PostgreSQL, whose schema must stay as it is."""
    return PostgresStore(
        request.getfixturevalue("postgres"), request.getfixturevalue("empty_ledger")
    )


@pytest.fixture
async def ledger(store: Store, clock: Clock) -> AsyncIterator[Ledger]:
    ledger = store.open(clock)
    yield ledger
    await ledger.close()


@pytest.fixture
async def caller(ledger: Ledger) -> Caller:
    """A caller whose account `studio` has 1000 micro-credits."""
    await ledger.create_account("studio", credits_micro=1000)
    _, secret = await ledger.create_key("studio")
    return await ledger.authenticate(secret)
