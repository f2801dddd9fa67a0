"""Changes that are several statements: what a process that stops in the middle leaves behind."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from asyncpg import Connection, Record

from tintype_gateway.ledger import Ledger, LedgerUnavailableError
from tintype_gateway.ledger.postgres.database import Database
from tintype_testing.ledger_stores import PostgresStore

LOCK = "SELECT FROM account WHERE name = 'studio' FOR NO KEY UPDATE"


@pytest.fixture
async def sound(postgresql_store: PostgresStore) -> AsyncIterator[Ledger]:
    ledger = postgresql_store.open()
    await ledger.create_account("studio")
    yield ledger
    await ledger.close()


async def test_others_wait_only_for_a_moment_for_a_process_that_was_suspended(
    postgresql_store: PostgresStore, sound: Ledger
) -> None:
    is_locked, goes_on = threading.Event(), threading.Event()

    async def work(connection: "Connection[Record]") -> None:
        await connection.execute(LOCK)
        is_locked.set()
        goes_on.wait(60)  # without a turn of its event loop, as a process that was stopped
        await connection.execute("UPDATE account SET display_name = 'late'")

    async def transact() -> None:
        database = Database(postgresql_store.url, postgresql_store.patience_seconds)
        try:
            with pytest.raises(LedgerUnavailableError):
                await database.transact(work)
        finally:
            await database.close()

    suspended = asyncio.create_task(asyncio.to_thread(asyncio.run, transact()))
    await asyncio.to_thread(is_locked.wait, 60)

    await sound.grant("studio", 5, reason="while it is suspended")

    goes_on.set()
    await suspended
    account = await sound.account("studio")
    assert (account.balance, account.display_name) == (5, "")


async def test_a_change_whose_caller_leaves_is_made(
    postgresql_store: PostgresStore, sound: Ledger
) -> None:
    leaving = asyncio.create_task(sound.grant("studio", 5, reason="a gift"))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving

    await sound.close()

    other = postgresql_store.open()
    assert (await other.account("studio")).balance == 5
    assert len(await other.changes()) == 2
    await other.close()
