"""A file that another process has locked: SQLite's readers do not wait, but our one thread does."""

import asyncio

import pytest

from tests.gateway.ledger.test_outages import READS
from tintype_gateway.ledger import LedgerUnavailableError
from tintype_testing.ledger_stores import SqliteStore


@pytest.mark.parametrize("name", READS)
async def test_reading_is_unavailable_in_bounded_time_too(
    sqlite_store: SqliteStore, name: str
) -> None:
    ledger = sqlite_store.open(busy_timeout_seconds=sqlite_store.patience_seconds)

    async with sqlite_store.locked(), asyncio.timeout(60):
        with pytest.raises(LedgerUnavailableError, match="locked"):
            await READS[name](ledger)

    await ledger.close()
