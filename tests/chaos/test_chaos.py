"""Everything fails at once, and still: the books balance, and every answer can be explained.

`TINTYPE_CHAOS_SECONDS` says for how long (`make chaos`: ten minutes), `TINTYPE_CHAOS_SEED` what.
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
from tests.chaos.storm import Footprint, Storm, footprint
from tintype_gateway.accounts import MAXIMUM_RATE, Policy
from tintype_gateway.billing.holding import LIFETIME_SECONDS
from tintype_simulator.app import running
from tintype_testing.chaos.clients import Complete, Tally
from tintype_testing.cluster.outages import InterruptibleControlPlane, running_interruptible
from tintype_testing.fleet import CREDITS_MICRO
from tintype_testing.ledgers import opened
from tintype_testing.operator import Operator, operator_in_namespace
from tintype_testing.postgres import PostgresServer
from tintype_testing.waiting import eventually

SECONDS = float(os.environ.get("TINTYPE_CHAOS_SECONDS", "45"))
SEED = int(os.environ.get("TINTYPE_CHAOS_SEED", "17"))
GRANT = 1000 * CREDITS_MICRO

FILES_KEPT = 64
"""Connections that a gateway rightly keeps: to its database, and for 75 s to its provider."""

MEBIBYTES_KEPT = 96
"""Code that was loaded, caches that were filled, and what the allocator keeps of images."""

CHARGES = """
SELECT hold.request_id, hold.idempotency_key, hold.images, -entry.amount AS charged
FROM hold JOIN posting ON posting.hold_id = hold.id
JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
"""


@dataclass(frozen=True)
class Charge:
    """What the ledger says of one request that was paid."""

    request_id: str
    idempotency_key: str | None
    images: int
    charged: int


@pytest.fixture
def interruptible(tmp_path: Path) -> Iterator[InterruptibleControlPlane]:
    """A control plane of its own, since its API server comes and goes."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with running_interruptible(folder) as cluster:
        yield cluster


@pytest.fixture
def operator(interruptible: InterruptibleControlPlane, tmp_path: Path) -> Iterator[Operator]:
    namespace = interruptible.create_namespace()
    with operator_in_namespace(interruptible, namespace, tmp_path) as operator:
        yield operator


@pytest.mark.timeout(240 + 2 * SECONDS)
async def test_after_a_storm_the_books_balance_and_every_answer_is_explained(
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
        storm = Storm(SEED, fleet, http, postgres, database, simulator, catalogs)
        try:
            await storm.rage(SECONDS)
            await links_work(storm)
            prints = await settled_down(storm)
            logs = [fleet.log(index) for index in range(GATEWAYS)]
        finally:
            fleet.end()
    charges = await charges_of(url)
    print(report(storm, charges, prints))
    assert storm.tally.unexplained == []
    assert min(storm.troubles["kill"], storm.troubles["API outage"]) > 0
    nothing_is_told("unexpected error", *logs)
    nothing_is_told(key, *logs)
    nothing_is_told("sk-anything", *logs)  # the provider's
    nothing_is_told("heron ", *logs)  # what every prompt begins with
    nothing_is_billed_twice(charges)
    every_complete_answer_is_charged_once(storm.tally, charges)
    await the_books_balance(url, charges)


def nothing_is_told(secret: str, *logs: str) -> None:
    """Expect that no log has a line with this in it."""
    assert [line for log in logs for line in log.splitlines() if secret in line] == []


async def links_work(storm: Storm) -> None:
    """Expect that images of the last requests are there, whoever stored them."""
    for url in storm.tally.urls[-20:]:
        async with storm.http.get(url) as answer:
            assert answer.status == 200
            assert await answer.read()


async def settled_down(storm: Storm) -> dict[int, Footprint]:
    """Return what the gateways take once it is near what they took at their start."""
    prints: dict[int, Footprint] = {}

    async def is_near_its_base() -> bool:
        for index, base in storm.bases.items():
            prints[index] = now = footprint(storm.fleet.pid(index))
            if now.open_files > base.open_files + FILES_KEPT:
                return False
            if now.resident_mebibytes > base.resident_mebibytes + MEBIBYTES_KEPT:
                return False
        return True

    await eventually(is_near_its_base)
    return prints


async def charges_of(url: str) -> list[Charge]:
    connection = await asyncpg.connect(url)
    try:
        return [Charge(**row) for row in await connection.fetch(CHARGES)]
    finally:
        await connection.close()


def nothing_is_billed_twice(charges: list[Charge]) -> None:
    ids = Counter(charge.request_id for charge in charges)
    keys = Counter(charge.idempotency_key for charge in charges if charge.idempotency_key)
    assert {name: count for name, count in (ids + keys).items() if count > 1} == {}


def every_complete_answer_is_charged_once(tally: Tally, charges: list[Charge]) -> None:
    """Expect the charge that each answer names, and others only for answers that broke off."""
    by_id = {charge.request_id: charge for charge in charges}
    by_key = {charge.idempotency_key: charge for charge in charges if charge.idempotency_key}

    def paid_by(answer: Complete) -> Charge:
        key = answer.ask.idempotency_key
        return by_key[key] if key else by_id[answer.request_id]

    told = [(paid_by(answer).charged, paid_by(answer).images) for answer in tally.complete]
    assert told == [(answer.charged, answer.images) for answer in tally.complete]
    unheard = set(by_id) - {paid_by(answer).request_id for answer in tally.complete}
    assert len(unheard) <= tally.broken


async def the_books_balance(url: str, charges: list[Charge]) -> None:
    async with opened(url, later_seconds=2 * LIFETIME_SECONDS) as ledger:
        await ledger.expire_holds()
        account, audit = await ledger.account("studio"), await ledger.audit()
    assert audit.problems == ()
    assert (audit.open_holds, account.held) == (0, 0)
    assert account.balance == GRANT - sum(charge.charged for charge in charges)


def report(storm: Storm, charges: list[Charge], prints: dict[int, Footprint]) -> str:
    """Return the figures of a run."""
    figures = {
        "seed": storm.seed,
        "seconds": SECONDS,
        "requests": sum(storm.tally.statuses.values()),
        "answers": dict(storm.tally.statuses.most_common()),
        "troubles": dict(storm.troubles.most_common()),
        "charges": len(charges),
        "images charged": sum(charge.images for charge in charges),
        "unexplained": len(storm.tally.unexplained),
        "at the start": {index: base._asdict() for index, base in storm.bases.items()},
        "at the end": {index: now._asdict() for index, now in prints.items()},
    }
    return json.dumps(figures, indent=2)
