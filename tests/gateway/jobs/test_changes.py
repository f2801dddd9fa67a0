"""Who waits for a job hears of its changes at once, whichever gateway makes them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from tintype_gateway.holds import HoldRequest
from tintype_gateway.jobs import changes
from tintype_gateway.jobs.changes import Change, JobChanges
from tintype_gateway.jobs.reading import Jobs
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.ledger.jobs import Job, JobSignal, NewJob
from tintype_gateway.ledger.ordered_ids import ordered_hex
from tintype_testing.ledgers import LIMITS
from tintype_testing.postgres import PostgresServer
from tintype_testing.virtual_time import run_in_virtual_time
from tintype_testing.waiting import eventually

ACCOUNT = "studio"
LONG = 60.0


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The database of two gateways; SQLite's are one process."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres.url(postgres.create_database(request.getfixturevalue("migrated")))


@pytest.fixture
async def ledgers(url: str) -> AsyncIterator[tuple[Ledger, Ledger]]:
    """The ledgers of two gateways, which are the same one where there is one process."""
    first = open_ledger(url)
    second = first if url.startswith("sqlite") else open_ledger(url)
    await first.create_account(ACCOUNT, credits_micro=1000)
    yield first, second
    await first.close()
    await second.close()


@pytest.fixture
async def jobs(
    ledgers: tuple[Ledger, Ledger], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Jobs]:
    """The jobs of the second gateway, where nobody looks without a signal."""
    monkeypatch.setattr(changes, "LOOK_SECONDS", LONG)
    monkeypatch.setattr(changes, "MOST_LOOK_SECONDS", LONG)
    heard: list[JobSignal] = []
    watched = JobChanges(ledgers[1])
    watched.listen(heard.append)
    following = asyncio.create_task(watched.follow())
    await eventually(lambda: bool(heard))  # the first signal says that it listens
    yield Jobs(ledgers[1], watched)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


async def submitted(ledger: Ledger) -> Job:
    _, secret = await ledger.create_key(ACCOUNT)
    caller = await ledger.authenticate(secret)
    request = HoldRequest(request_id="req-1", amount=100, model="canvas", provider="openai")
    new = NewJob(
        id=f"job_{ordered_hex()}", operation="image_generation", model="canvas", payload=b"sealed"
    )
    return await ledger.submit_job(caller, request, new, LIMITS)


def test_a_quiet_wait_looks_ever_less_often_and_a_change_begins_anew() -> None:
    async def pauses() -> list[float]:
        loop, change, found = asyncio.get_running_loop(), Change(), []
        for number in range(7):
            begin = loop.time()
            if number == 5:
                change.wake()
            await change.wait(LONG)
            found.append(loop.time() - begin)
        return found

    assert run_in_virtual_time(pauses()) == [2, 4, 8, 10, 10, 0, 2]


async def has_ended(job: Job) -> bool:
    return not job.is_live


async def test_a_wait_ends_with_a_change_by_another_gateway(
    ledgers: tuple[Ledger, Ledger], jobs: Jobs
) -> None:
    job = await submitted(ledgers[0])
    waiting = asyncio.create_task(jobs.awaited(ACCOUNT, job.id, LONG, has_ended))
    await asyncio.sleep(0)
    await ledgers[0].cancel_job(ACCOUNT, job.id)

    async with asyncio.timeout(LONG / 2):
        assert (await waiting).status == "cancelled"


async def test_a_change_between_the_look_and_the_wait_is_not_missed(
    ledgers: tuple[Ledger, Ledger], jobs: Jobs
) -> None:
    job = await submitted(ledgers[0])

    async def cancelled_after_the_look(seen: Job) -> bool:
        if seen.is_live:
            await ledgers[0].cancel_job(ACCOUNT, job.id)
        return not seen.is_live

    async with asyncio.timeout(LONG / 2):
        found = await jobs.awaited(ACCOUNT, job.id, LONG, cancelled_after_the_look)

    assert found.status == "cancelled"


async def test_nobody_waits_where_the_gateway_stops(
    ledgers: tuple[Ledger, Ledger], jobs: Jobs
) -> None:
    job = await submitted(ledgers[0])
    waiting = asyncio.create_task(jobs.awaited(ACCOUNT, job.id, LONG, has_ended))
    await asyncio.sleep(0)
    jobs.changes.drain()

    async with asyncio.timeout(LONG / 2):
        assert (await waiting).status == "queued"
    later = await jobs.awaited(ACCOUNT, job.id, LONG, has_ended)
    assert later.status == "queued"
    await ledgers[0].cancel_job(ACCOUNT, job.id)
