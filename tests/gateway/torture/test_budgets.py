"""Gateways that share a ledger keep a budget together: at once, when killed, when it changes.

What is proved at the end: no more is charged than a budget allows, all of it can be spent once
killed gateways' holds have expired, and the sums of the windows are those of holds and charges.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tintype_gateway.accounts import MAXIMUM_RATE, Budget, Policy
from tintype_gateway.holds import HOLD_LIFETIME_SECONDS
from tintype_gateway.ledger import Ledger
from tintype_simulator.app import running
from tintype_testing.fleet import CREDITS_MICRO, PRICE, Fleet, storm
from tintype_testing.ledgers import opened
from tintype_testing.postgres import PostgresServer
from tintype_testing.simulators import requests_received

LATER = 2 * HOLD_LIFETIME_SECONDS

AFFORDABLE = 60
"""How many images the budget of the killed gateways allows: fewer than are asked for."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty ledger of each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    postgres: PostgresServer = request.getfixturevalue("postgres")
    migrated = request.getfixturevalue("migrated")
    return postgres.url(postgres.create_database(migrated))


@asynccontextmanager
async def two_gateways(folder: Path, url: str) -> AsyncIterator[tuple[Fleet, str, str]]:
    """Run two gateways with one ledger; give them, a key, and the simulator's URL."""
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
            yield fleet, key, simulator
        finally:
            await asyncio.to_thread(fleet.stop)


async def at_once(fleet: Fleet, key: str, requests: int) -> Counter[str]:
    """Send requests at once to all gateways in turn; count their outcomes."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        await fleet.wait_until_ready(session)

        async def ask(number: int) -> str:
            path = f"{fleet.urls[number % 2]}/v1/images/generations"
            body = {"model": "canvas", "prompt": f"image {number}"}
            async with session.post(path, json=body) as response:
                document = await response.json()
                return "served" if response.status == 200 else document["error"]["code"]

        return Counter(await asyncio.gather(*map(ask, range(requests))))


async def spent(ledger: Ledger) -> list[int]:
    return [window.spent for window in (await ledger.account("studio")).windows]


async def test_of_fifty_requests_at_once_a_budget_for_three_serves_three(
    tmp_path: Path, url: str
) -> None:
    async with two_gateways(tmp_path, url) as (fleet, key, simulator), opened(url) as ledger:
        await ledger.set_budgets("studio", "Europe/Berlin", [Budget("month", 4 * PRICE - 1)])

        first = await at_once(fleet, key, 50)
        # In the middle of the window: one image more, and the model's own budget counts the three.
        budgets = [Budget("month", 9 * PRICE), Budget("month", 4 * PRICE, "canvas")]
        await ledger.set_budgets("studio", "Europe/Berlin", budgets)
        second = await at_once(fleet, key, 50)

        assert first == {"served": 3, "budget_exceeded": 47}
        assert second == {"served": 1, "budget_exceeded": 49}
        assert len(await requests_received(simulator)) == 4
        assert await spent(ledger) == [4 * PRICE] * 2
        assert (await ledger.audit()).problems == ()


async def test_gateways_are_killed_and_the_budget_is_spent_once_and_whole(
    tmp_path: Path, url: str
) -> None:
    async with two_gateways(tmp_path, url) as (fleet, key, _):
        async with opened(url) as ledger:
            budgets = [Budget("month", AFFORDABLE * PRICE), Budget("month", 10**15, "canvas")]
            await ledger.set_budgets("studio", "UTC", budgets)

        tally = await storm(
            fleet, key, requests=150, clients=8, kills=3, seed=23, trouble=no_trouble
        )
        async with opened(url, later_seconds=LATER) as later:
            await later.expire_holds()
            charged = await charges(later)
            after_kills = await spent(later)
        await at_once(fleet, key, AFFORDABLE + 1)
        async with opened(url, later_seconds=LATER) as later:
            await later.expire_holds()
            audit, in_the_end = await later.audit(), await spent(later)
            everything = await charges(later)

    assert tally.kills == 3
    assert tally.refused > 0
    assert len(tally.complete) * PRICE <= charged <= AFFORDABLE * PRICE
    assert after_kills == [charged] * 2
    assert everything == AFFORDABLE * PRICE
    assert in_the_end == [everything] * 2
    assert (audit.problems, audit.open_holds) == ((), 0)


async def charges(ledger: Ledger) -> int:
    """Return all that the account was charged."""
    return CREDITS_MICRO - (await ledger.account("studio")).balance


async def no_trouble() -> None:
    """No trouble but the kill itself."""
