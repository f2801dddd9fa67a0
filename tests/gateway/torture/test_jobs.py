"""Gateways are killed at random points while they run jobs, and their database with them.

What is proved at the end: every job has ended; every job that was charged has its images, and those
can be read; no task and no call was made twice; the entries add up, and no credits are held.
"""

import asyncio
import base64
import json
import os
import random
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from typing_extensions import override

from tintype_gateway.accounts import MAXIMUM_RATE, Policy
from tintype_gateway.images.container import read_header
from tintype_gateway.ledger.factory import migrate_ledger
from tintype_gateway.ledger.jobs import Job
from tintype_simulator.app import running
from tintype_testing.fleet import Trouble
from tintype_testing.gateway import canvas
from tintype_testing.job_fleet import FLUX, JobClient, JobFleet, flux
from tintype_testing.ledgers import opened
from tintype_testing.manifests import Manifest, image_model, provider_binding
from tintype_testing.postgres import PostgresServer
from tintype_testing.simulators import requests_received
from tintype_testing.waiting import eventually

pytestmark = pytest.mark.timeout(1200)

JOBS = int(os.environ.get("TINTYPE_TORTURE_JOBS", "40"))
KILLS = int(os.environ.get("TINTYPE_TORTURE_KILLS", "3"))
CREDITS_MICRO = 10**12
STREAMED = "sketch"

KINDS: Sequence[dict[str, Any]] = (
    {"model": "canvas"},
    {"model": "canvas", "response_format": "url"},
    {"model": FLUX, "size": "64x64", "n": 2},
    {"model": FLUX, "size": "64x64"},
    {"model": STREAMED, "stream": True, "partial_images": 1},
)
"""Directly, with URLs, polled, and streamed."""


class MixedJobs(JobFleet):
    """Gateways whose direct provider is the simulator, too."""

    @override
    def manifests(self) -> list[Manifest]:
        size = {"mode": "List", "sizes": ["1024x1024"]}
        quality = {"handling": "Map", "values": {"low": "low"}}
        model = image_model(
            STREAMED, size=size, parameters={"quality": quality}, defaults={"quality": "low"}
        )
        binding = provider_binding(model=STREAMED, upstreamModel="gpt-image-1-mini")
        return [*canvas(), model, binding, *flux()]


@dataclass
class Submissions:
    """What clients have submitted."""

    accepted: dict[str, str] = field(default_factory=dict)
    """Prompts by the id of each job."""

    unknown: int = 0
    """Submissions whose response did not arrive: there may be a job."""

    refused: Counter[str] = field(default_factory=Counter)


async def submit_all(client: JobClient, submitted: Submissions, numbers: range) -> None:
    """Submit jobs, each until a gateway has had it."""
    for number in numbers:
        fields = KINDS[number % len(KINDS)]
        prompt, attempt = f"heron {number}", 0
        while True:
            gateway = (number + attempt) % len(client.fleet.urls)
            attempt += 1
            try:
                submitted.accepted[await client.submit(prompt, gateway, **fields)] = prompt
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.1)
                continue
            except (aiohttp.ClientError, json.JSONDecodeError):
                submitted.unknown += 1
            except AssertionError as refused:  # the ledger is away
                submitted.refused[str(refused)[:80]] += 1
                await asyncio.sleep(0.2)
                continue
            break


async def torture(folder: Path, url: str, trouble: Trouble, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    await migrate_ledger(url)
    async with opened(url) as ledger, running(latency_seconds=0.3) as simulator:
        await ledger.create_account(
            "studio", credits_micro=CREDITS_MICRO, policy=Policy(calls_per_minute=MAXIMUM_RATE)
        )
        _, key = await ledger.create_key("studio")
        fleet = MixedJobs(folder, simulator, simulator, url, 2, TINTYPE_JOBS_CONCURRENCY="6")
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http:
            client, submitted = JobClient(fleet, ledger, http), Submissions()
            try:
                for index in range(2):
                    fleet.launch(index)
                await fleet.wait_until_ready(http)
                clients = [
                    asyncio.create_task(submit_all(client, submitted, range(start, JOBS, 4)))
                    for start in range(4)
                ]
                for _ in range(KILLS):
                    await asyncio.sleep(dice.uniform(0.5, 2.0))
                    index = dice.randrange(2)
                    fleet.kill(index)
                    await trouble()
                    fleet.launch(index)
                await asyncio.gather(*clients)
                await fleet.wait_until_ready(http)
                jobs = await all_ended(client)
                await check_images(client, jobs)
            finally:
                await asyncio.to_thread(fleet.end)
                logs = "".join(fleet.log(index) for index in range(2))
        requests = cast("list[dict[str, Any]]", await requests_received(simulator))
        audit, account = await ledger.audit(), await ledger.account("studio")
    statuses = Counter(job.status for job in jobs)
    print(statuses, dict(submitted.refused), f"unknown={submitted.unknown}")
    assert (audit.problems, audit.open_holds, account.held) == ((), 0, 0)
    assert account.balance == CREDITS_MICRO - sum(job.charged or 0 for job in jobs)
    assert {job.id for job in jobs} >= submitted.accepted.keys()
    assert len(jobs) <= len(submitted.accepted) + submitted.unknown
    assert set(statuses) <= {"completed", "outcome_unknown"}, [job.error for job in jobs]
    assert statuses["completed"] > len(jobs) / 3
    assert all((job.charged is not None) == (job.status == "completed") for job in jobs)
    asked = Counter(each["body"]["prompt"] for each in requests if "prompt" in (each["body"] or {}))
    assert {prompt for prompt, count in asked.items() if count > 1} == set()
    assert "unexpected error" not in logs
    assert "heron" not in logs


async def all_ended(client: JobClient) -> list[Job]:
    """Return all jobs once they have ended."""

    async def have_ended() -> bool:
        live = [await client.ledger.jobs("studio", each) for each in ("queued", "in_progress")]
        return not any(live)

    await eventually(have_ended, 300)
    found: list[Job] = []
    while page := await client.ledger.jobs("studio", None, found[-1].id if found else None, 100):
        found += page
    return found


async def check_images(client: JobClient, jobs: Sequence[Job]) -> None:
    """Check that each image that was charged can be read."""
    for job in jobs:
        if job.status != "completed":
            continue
        result = (await client.document(job.id))["result"]
        assert job.result is not None
        assert len(result["data"]) == job.result.images > 0
        for image in result["data"]:
            if image.get("url"):
                async with client.http.get(image["url"]) as response:
                    content = base64.b64encode(await response.read())
            else:
                content = image["b64_json"].encode()
            assert read_header(content).size is not None


async def nothing() -> None:
    """No trouble but the kill itself."""


async def test_gateways_on_sqlite_are_killed_and_every_job_ends_and_is_paid_once(
    tmp_path: Path,
) -> None:
    await torture(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", nothing, seed=5)


async def test_gateways_and_postgresql_are_killed_and_every_job_ends_and_is_paid_once(
    tmp_path: Path, postgres: PostgresServer, migrated: str
) -> None:
    database = await asyncio.to_thread(postgres.create_database, migrated)

    def crash() -> None:
        postgres.stop(signal.SIGQUIT)
        postgres.start()

    await torture(tmp_path, postgres.url(database), lambda: asyncio.to_thread(crash), seed=7)
