"""Gateways are killed or drained while they run jobs, and others carry on what can cost nothing
twice."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple, cast

import aiohttp
import pytest

from tintype_gateway.ledger.factory import migrate_ledger
from tintype_gateway.ledger.jobs import Job
from tintype_simulator.app import running
from tintype_testing.job_fleet import (
    FLUX,
    JobClient,
    JobFleet,
    Studio,
    running_studio,
    submissions,
)
from tintype_testing.ledgers import opened
from tintype_testing.simulators import requests_received, script
from tintype_testing.waiting import eventually

pytestmark = pytest.mark.timeout(1200)

CREDITS_MICRO = 1_000_000_000
POLLED, SENT, WAITING = "a polled heron", "a sent heron", "a waiting heron"


class Scene(NamedTuple):
    """Two gateways of which the first runs, and what stands around them."""

    fleet: JobFleet
    client: JobClient
    studio: Studio
    simulator: str

    async def jobs(self) -> tuple[str, str, str]:
        """Return a job that is polled, one that a direct provider has, and one that waits for it.

        All of them run in the first gateway.
        """
        await script(self.simulator, {}, {"hang": True})
        polled = await self.client.submit(POLLED, model=FLUX, size="64x64")
        sent = await self.client.submit(SENT)
        await eventually(lambda: self.studio.prompts == [SENT])
        waiting = await self.client.submit(WAITING)

        async def all_run() -> bool:
            jobs = [await self.client.job(each) for each in (polled, sent, waiting)]
            polls = [each for each in await self.received() if each["method"] == "GET"]
            return all(job.status == "in_progress" for job in jobs) and bool(polls)

        await eventually(all_run)
        return polled, sent, waiting

    async def received(self) -> list[dict[str, Any]]:
        """Return what the provider that is polled has received."""
        return cast("list[dict[str, Any]]", await requests_received(self.simulator))

    async def start(self, index: int) -> None:
        """Start a gateway."""
        self.fleet.launch(index)
        await self.fleet.wait_until_ready(self.client.http, index)


@asynccontextmanager
async def scene(folder: Path, **environ: str) -> AsyncIterator[Scene]:
    url = f"sqlite:///{folder / 'ledger.db'}"
    await migrate_ledger(url)
    async with (
        opened(url) as ledger,
        running() as simulator,
        running_studio() as studio,
    ):
        await ledger.create_account("studio", credits_micro=CREDITS_MICRO)
        _, key = await ledger.create_key("studio")
        fleet = JobFleet(folder, simulator, studio.url, url, 2, **environ)
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http:
            here = Scene(fleet, JobClient(fleet, ledger, http), studio, simulator)
            try:
                await here.start(0)
                yield here
            finally:
                await asyncio.to_thread(fleet.end)
        audit = await ledger.audit()
        assert (audit.problems, audit.open_holds) == ((), 0)


def code_of(job: Job) -> str:
    assert job.error is not None
    return str(job.error["body"]["error"]["code"])


async def test_jobs_of_a_killed_gateway_are_resumed_run_once_or_given_up(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        polled, sent, waiting = await here.jobs()
        here.fleet.kill(0)
        here.studio.free.set()
        await here.start(1)
        client = here.client

        resumed, lost, run = [await client.ended(each) for each in (polled, sent, waiting)]
        received = await here.received()
        account = await client.ledger.account("studio")

        assert [resumed.status, lost.status, run.status] == [
            "completed",
            "outcome_unknown",
            "completed",
        ]
        assert submissions(received) == {POLLED: 1}
        assert Counter(here.studio.prompts) == {SENT: 1, WAITING: 1}
        assert (code_of(lost), lost.charged) == ("outcome_unknown", None)
        assert resumed.charged
        assert run.charged
        assert account.balance == CREDITS_MICRO - resumed.charged - run.charged
        document = await client.document(polled, gateway=1)
        assert len(document["result"]["data"]) == 1


async def test_a_gateway_that_drains_finishes_hands_back_and_is_polled_on(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        polled, sent, waiting = await here.jobs()
        here.fleet.signal(0)

        async def is_queued() -> bool:
            return (await here.client.job(waiting)).status == "queued"

        await eventually(is_queued)
        here.studio.free.set()
        finished = await here.client.ended(sent)
        assert await asyncio.to_thread(here.fleet.exit_code, 0) == 0
        await here.start(1)
        resumed, run = await here.client.ended(polled), await here.client.ended(waiting)

        assert [finished.status, resumed.status, run.status] == ["completed"] * 3
        assert submissions(await here.received()) == {POLLED: 1}
        assert Counter(here.studio.prompts) == {SENT: 1, WAITING: 1}
        cancels = [each for each in await here.received() if each["method"] == "PUT"]
        assert cancels == []


async def test_a_gateway_that_runs_no_jobs_ends_those_that_nobody_has_taken(tmp_path: Path) -> None:
    limit = {"TINTYPE_JOBS_CONCURRENCY": "0", "TINTYPE_JOBS_MAX_QUEUED_SECONDS": "60"}
    async with scene(tmp_path, **limit) as here:
        waiting = await here.client.submit(WAITING)
        here.fleet.kill(0)
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
            other.execute("UPDATE job SET created_at = created_at - 61")
            other.commit()
        await here.start(1)
        job = await here.client.ended(waiting)
        account = await here.client.ledger.account("studio")

        assert (job.status, code_of(job)) == ("failed", "job_expired")
        assert account.available == CREDITS_MICRO
