"""All components fail at random, and the ledger stays correct and every response is explained.

`TINTYPE_CHAOS_SECONDS` sets the duration (`make chaos`: ten minutes), `TINTYPE_CHAOS_SEED` the
order of the disruptions.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from tests.chaos.catalogs import GATEWAYS, Catalogs, MixedFleet
from tests.chaos.chaos_run import ChaosRun, Footprint, footprint
from tintype_gateway.accounts import MAXIMUM_RATE, Policy
from tintype_gateway.holds import HOLD_LIFETIME_SECONDS
from tintype_simulator.app import running
from tintype_testing.chaos.clients import Complete, Tally
from tintype_testing.cluster.outages import InterruptibleControlPlane, running_interruptible
from tintype_testing.fleet import CREDITS_MICRO
from tintype_testing.ledgers import opened
from tintype_testing.operator import Operator, operator_in_namespace
from tintype_testing.postgres import PostgresServer
from tintype_testing.waiting import eventually

SECONDS = float(os.environ.get("TINTYPE_CHAOS_SECONDS", "30"))
SEED = int(os.environ.get("TINTYPE_CHAOS_SEED", "318"))  # every kind of disruption comes soon
GRANT = 1000 * CREDITS_MICRO

FILES_KEPT = 64
"""Connections that a gateway keeps on purpose: to its database, and for 75 s to its provider."""

MEBIBYTES_KEPT = 96
"""Loaded code, filled caches, and memory that the allocator keeps after images."""

CHARGES = """
SELECT hold.request_id, hold.idempotency_key, hold.images, -entry.amount AS charged
FROM hold JOIN posting ON posting.hold_id = hold.id
JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
"""


@dataclass(frozen=True)
class Charge:
    """The ledger's record of one charged request."""

    request_id: str
    idempotency_key: str | None
    images: int
    charged: int


@pytest.fixture
def interruptible(tmp_path: Path) -> Iterator[InterruptibleControlPlane]:
    """A separate control plane, because its API server stops and starts."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with running_interruptible(folder) as cluster:
        yield cluster


@pytest.fixture
def operator(interruptible: InterruptibleControlPlane, tmp_path: Path) -> Iterator[Operator]:
    namespace = interruptible.create_namespace()
    with operator_in_namespace(interruptible, namespace, tmp_path) as operator:
        yield operator


@pytest.mark.timeout(1200 + 2 * SECONDS)
async def test_after_random_failures_the_ledger_is_consistent_and_responses_are_explained(
    tmp_path: Path,
    postgres: PostgresServer,
    migrated: str,
    interruptible: InterruptibleControlPlane,
    operator: Operator,
) -> None:
    database = await asyncio.to_thread(postgres.create_database, migrated)
    url = postgres.url(database)
    async with opened(url) as ledger:
        await ledger.create_account(
            "studio", credits_micro=GRANT, policy=Policy(calls_per_minute=MAXIMUM_RATE)
        )
        _, key = await ledger.create_key("studio")
    async with (
        running(latency_seconds=0.05) as simulator,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http,
    ):
        images = str(tmp_path / "images")
        fleet = MixedFleet(tmp_path, simulator, url, operator, TINTYPE_IMAGE_STORE_DIR=images)
        catalogs = Catalogs(tmp_path / "catalog", interruptible, operator, simulator)
        chaos = ChaosRun(SEED, fleet, http, postgres, database, simulator, catalogs)
        try:
            await chaos.run(SECONDS)
            await assert_links_work(chaos)
            footprints = await wait_for_base_footprints(chaos)
            logs = [fleet.log(index) for index in range(GATEWAYS)]
        finally:
            fleet.end()
    charges = await charges_of(url)
    print(report(chaos, charges, footprints))
    assert chaos.tally.unexplained == []
    assert min(chaos.disruptions["kill"], chaos.disruptions["API outage"]) > 0
    assert_not_logged("unexpected error", *logs)
    assert_not_logged(key, *logs)
    assert_not_logged("sk-anything", *logs)  # the provider's
    assert_not_logged("heron ", *logs)  # what every prompt begins with
    assert_no_request_is_charged_twice(charges)
    assert_complete_responses_are_charged_once(chaos.tally, charges)
    await assert_ledger_is_consistent(url, charges)


def assert_not_logged(secret: str, *logs: str) -> None:
    """Assert that no log contains a text."""
    assert [line for log in logs for line in log.splitlines() if secret in line] == []


async def assert_links_work(chaos: ChaosRun) -> None:
    """Assert that the images of the last requests can be fetched from every gateway."""
    for url in chaos.tally.urls[-20:]:
        async with chaos.http.get(url) as response:
            assert response.status == 200
            assert await response.read()


async def wait_for_base_footprints(chaos: ChaosRun) -> dict[int, Footprint]:
    """Return the footprints of the gateways once they are near those after their start."""
    footprints: dict[int, Footprint] = {}

    async def is_near_its_base() -> bool:
        for index, base in chaos.bases.items():
            footprints[index] = now = footprint(chaos.fleet.pid(index))
            if now.open_files > base.open_files + FILES_KEPT:
                return False
            if now.resident_mebibytes > base.resident_mebibytes + MEBIBYTES_KEPT:
                return False
        return True

    await eventually(is_near_its_base)
    return footprints


async def charges_of(url: str) -> list[Charge]:
    connection = await asyncpg.connect(url)
    try:
        return [Charge(**row) for row in await connection.fetch(CHARGES)]
    finally:
        await connection.close()


def assert_no_request_is_charged_twice(charges: list[Charge]) -> None:
    ids = Counter(charge.request_id for charge in charges)
    keys = Counter(charge.idempotency_key for charge in charges if charge.idempotency_key)
    assert {name: count for name, count in (ids + keys).items() if count > 1} == {}


def assert_complete_responses_are_charged_once(tally: Tally, charges: list[Charge]) -> None:
    """Assert that each response has the charge that it names, and that other charges belong to
    aborted responses."""
    by_id = {charge.request_id: charge for charge in charges}
    by_key = {charge.idempotency_key: charge for charge in charges if charge.idempotency_key}

    def paid_by(response: Complete) -> Charge:
        key = response.request.idempotency_key
        return by_key[key] if key else by_id[response.request_id]

    found = [(paid_by(response).charged, paid_by(response).images) for response in tally.complete]
    assert found == [(response.charged, response.images) for response in tally.complete]
    others = set(by_id) - {paid_by(response).request_id for response in tally.complete}
    assert len(others) <= tally.aborted


async def assert_ledger_is_consistent(url: str, charges: list[Charge]) -> None:
    async with opened(url, later_seconds=2 * HOLD_LIFETIME_SECONDS) as ledger:
        await ledger.expire_holds()
        account, audit = await ledger.account("studio"), await ledger.audit()
    assert audit.problems == ()
    assert (audit.open_holds, account.held) == (0, 0)
    assert account.balance == GRANT - sum(charge.charged for charge in charges)


def report(chaos: ChaosRun, charges: list[Charge], footprints: dict[int, Footprint]) -> str:
    """Return the figures of a run as JSON."""
    figures = {
        "seed": chaos.seed,
        "seconds": SECONDS,
        "requests": sum(chaos.tally.statuses.values()),
        "responses": dict(chaos.tally.statuses.most_common()),
        "disruptions": dict(chaos.disruptions.most_common()),
        "charges": len(charges),
        "images charged": sum(charge.images for charge in charges),
        "unexplained": len(chaos.tally.unexplained),
        "at the start": {index: base._asdict() for index, base in chaos.bases.items()},
        "at the end": {index: now._asdict() for index, now in footprints.items()},
    }
    return json.dumps(figures, indent=2)
