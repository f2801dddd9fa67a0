"""Gateways are killed at random points under load, and the books still balance.

What is proved at the end: the sum of the entries is the balance; every complete response that a
client received is charged exactly once; no request is charged twice; and a charge without a
complete response exists only for requests that were in flight at a kill.
"""

import asyncio
import datetime
import signal
from pathlib import Path

from tintype_gateway.accounts import MAXIMUM_RATE, Policy
from tintype_gateway.holds import HOLD_LIFETIME_SECONDS
from tintype_simulator.app import running
from tintype_testing.fleet import CREDITS_MICRO, PRICE, Fleet, Tally, Trouble, storm
from tintype_testing.ledgers import opened
from tintype_testing.postgres import PostgresServer
from tintype_testing.simulators import requests_received

REQUESTS = 240


async def nothing() -> None:
    """No trouble but the kill itself."""


async def torture(folder: Path, url: str, trouble: Trouble) -> None:
    async with opened(url) as ledger:
        await ledger.create_account(
            "studio", credits_micro=CREDITS_MICRO, policy=Policy(calls_per_minute=MAXIMUM_RATE)
        )
        _, key = await ledger.create_key("studio")
    async with running(latency_seconds=0.02) as simulator:
        fleet = Fleet(folder, simulator, url, size=2)
        try:
            for index in range(2):
                fleet.launch(index)
            tally = await storm(
                fleet, key, requests=REQUESTS, clients=8, kills=4, seed=17, trouble=trouble
            )
        finally:
            await asyncio.to_thread(fleet.stop)
        sent = [str(call["body"]) for call in await requests_received(simulator)]
    await check(url, tally, sent)


async def check(url: str, tally: Tally, sent: list[str]) -> None:
    async with opened(url, later_seconds=2 * HOLD_LIFETIME_SECONDS) as ledger:
        await ledger.expire_holds()
        account = await ledger.account("studio")
        (used,) = await ledger.usage(_long_ago(), account="studio")
        audit = await ledger.audit()
    assert audit.problems == ()
    assert (audit.open_holds, account.held) == (0, 0)
    assert account.balance == CREDITS_MICRO - used.charged
    assert set(tally.complete.values()) == {PRICE}
    assert used.charged == used.requests * PRICE
    assert len(tally.complete) <= used.requests <= len(tally.complete) + tally.broken
    assert len(set(sent)) == len(sent)
    assert tally.kills == 4
    assert len(tally.complete) > REQUESTS // 2


def _long_ago() -> datetime.date:
    return datetime.date(2026, 1, 1)


async def test_gateways_on_sqlite_are_killed_and_the_books_balance(tmp_path: Path) -> None:
    await torture(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", nothing)


async def test_gateways_on_postgresql_are_killed_and_the_books_balance(
    tmp_path: Path, postgres: PostgresServer, migrated: str
) -> None:
    database = await asyncio.to_thread(postgres.create_database, migrated)

    async def cut() -> None:
        await postgres.disconnect_all(database)

    await torture(tmp_path, postgres.url(database), cut)


async def test_postgresql_crashes_under_load_and_the_books_balance(
    tmp_path: Path, postgres: PostgresServer, migrated: str
) -> None:
    database = await asyncio.to_thread(postgres.create_database, migrated)

    def crash() -> None:
        postgres.stop(signal.SIGQUIT)
        postgres.start()

    await torture(tmp_path, postgres.url(database), lambda: asyncio.to_thread(crash))
