"""A hold lives as long as its owner, however long that works."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tintype_gateway.holds import HoldRequest
from tintype_gateway.ledger import Caller, Ledger
from tintype_gateway.pipeline.stages import hold as stage
from tintype_testing.ledger_stores import SqliteStore
from tintype_testing.ledgers import Clock
from tintype_testing.waiting import eventually

PURCHASE = HoldRequest(
    request_id="request",
    amount=400,
    model="gpt-image-1",
    provider="openai",
    lifetime_seconds=0.03,
)

EXPIRIES = "SELECT expires_at FROM hold"


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "ledger.db")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def ledger(store: SqliteStore, clock: Clock) -> AsyncIterator[Ledger]:
    """A ledger whose holds are renewed after a hundredth of a second."""
    ledger = store.open(clock)
    await ledger.create_account("studio", credits_micro=1000)
    yield ledger
    await ledger.close()


async def a_renewal(store: SqliteStore, clock: Clock) -> None:
    """Let some of the hold's lifetime pass, and wait until it has been renewed."""
    before = await store.query(EXPIRIES)
    clock.advance(0.02)

    async def renewed() -> bool:
        return await store.query(EXPIRIES) != before

    await eventually(renewed)


async def test_a_hold_is_renewed_again_and_again_while_its_owner_works(
    store: SqliteStore, clock: Clock, ledger: Ledger
) -> None:
    async with stage.held(Caller("studio", "key-1"), PURCHASE, ledger):
        for _ in range(2):
            await a_renewal(store, clock)
            assert await ledger.expire_holds() == 0


async def test_nothing_of_an_owner_that_has_ended_goes_on(
    store: SqliteStore, clock: Clock, ledger: Ledger
) -> None:
    others = asyncio.all_tasks()
    async with stage.held(Caller("studio", "key-1"), PURCHASE, ledger):
        await a_renewal(store, clock)

    async def is_over() -> bool:
        return asyncio.all_tasks() <= others

    await eventually(is_over)
    clock.advance(0.03)
    assert await ledger.expire_holds() == 1
