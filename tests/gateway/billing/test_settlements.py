"""Due charges are made once, after outages of the ledger and after the end of processes."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import pytest
import yaml

from tests.gateway.api.scripted import Script, scripted
from tests.gateway.api.test_outages import locked
from tests.gateway.upstream.passthrough.reading import PNG
from tintype_gateway.billing.settlement_journal import Due, Journal
from tintype_gateway.billing.settlements import Settlements
from tintype_gateway.holds import HOLD_LIFETIME_SECONDS, HoldRequest
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.ledger.interface import Caller, Hold, Ledger
from tintype_gateway.runtime.deadline import Deadline
from tintype_testing.gateway import canvas
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.ledgers import opened
from tintype_testing.metrics import metric
from tintype_testing.postgres import PostgresServer
from tintype_testing.waiting import eventually

RESPONSE = json.dumps({"created": 17, "data": [{"b64_json": PNG}]}).encode()
HALF = 120_000
CREDITS_MICRO = 10_000_000
COST = 640_000
ASKED = {"model": "canvas", "prompt": "a red fox"}


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    await ledger.create_account("studio", credits_micro=CREDITS_MICRO)
    yield ledger
    await ledger.close()


async def taken(ledger: Ledger, lifetime_seconds: float = 60) -> Hold:
    caller = Caller("studio", "key")
    return await ledger.hold(
        caller,
        HoldRequest(
            amount=1000,
            request_id="req_1",
            model="canvas",
            provider="openai",
            lifetime_seconds=lifetime_seconds,
        ),
    )


async def test_due_charges_of_an_earlier_process_are_charged_once(
    tmp_path: Path, ledger: Ledger
) -> None:
    hold, settled = await taken(ledger), await taken(ledger)
    first = Journal(tmp_path / "settlements")
    for each in (hold, settled, Hold("hold-unknown", "studio", 1)):
        first.note(Due(each, 700, 1))
    await ledger.settle(settled, 700, images=1)  # and died before it could say so
    os.close(first._file)

    for _ in range(2):
        settlements = Settlements(ledger, Journal(tmp_path / "settlements"))
        settlements.recover()
        await settlements.finish(10)

    account, audit = await ledger.account("studio"), await ledger.audit()
    assert (account.balance, account.held) == (CREDITS_MICRO - 1400, 0)
    assert audit.problems == ()


async def test_a_hold_that_has_expired_meanwhile_is_settled_late(
    tmp_path: Path, ledger: Ledger
) -> None:
    hold = await taken(ledger, lifetime_seconds=0)
    first = Journal(tmp_path / "settlements")
    first.note(Due(hold, 700, 1))
    os.close(first._file)
    await ledger.expire_holds()

    settlements = Settlements(ledger, Journal(tmp_path / "settlements"))
    settlements.recover()
    await settlements.finish(10)

    assert (await ledger.account("studio")).balance == CREDITS_MICRO - 700
    assert (await ledger.audit()).late_charges == 1


async def test_a_charge_that_fails_until_shutdown_stays_in_the_journal(
    tmp_path: Path, ledger: Ledger
) -> None:
    hold = await taken(ledger)
    journal = Journal(tmp_path / "settlements")
    first = Settlements(open_ledger(f"sqlite:///{tmp_path}/ledger.db"), journal)
    with locked(tmp_path / "ledger.db"):
        first.defer(Due(hold, 700, 1))
        await first.finish(0.1)
    journal.close()

    second = Settlements(ledger, Journal(tmp_path / "settlements"))
    second.recover()
    await second.finish(10)

    assert (await ledger.account("studio")).balance == CREDITS_MICRO - 700


async def test_an_attempt_that_took_effect_unseen_is_not_repeated(ledger: Ledger) -> None:
    hold, settlements = await taken(ledger), Settlements(ledger)
    await ledger.settle(hold, 700, images=1)

    settlement = await settlements.settle(Due(hold, 700, 1), Deadline(5))

    assert (settlement.charged, settlement.available) == (700, CREDITS_MICRO - 700)
    assert (await ledger.account("studio")).balance == CREDITS_MICRO - 700


async def test_a_row_that_is_locked_for_longer_than_the_ledger_waits_is_charged_in_the_end(
    postgres: PostgresServer, migrated: str
) -> None:
    database = await asyncio.to_thread(postgres.create_database, migrated)
    url = postgres.url(database)
    async with opened(url) as ledger:
        await ledger.create_account("studio", credits_micro=CREDITS_MICRO)
        hold, settlements = await taken(ledger), Settlements(ledger)
        other = await asyncpg.connect(url)
        async with other.transaction():
            await other.execute("SELECT * FROM account WHERE name = 'studio' FOR UPDATE")
            settling = asyncio.create_task(settlements.settle(Due(hold, 700, 1), Deadline(60)))
            await eventually(lambda: metric("tintype_settlements_outstanding") == 1)
            assert await other.fetchval("SELECT held FROM account WHERE name = 'studio'") == 1000
        await other.close()

        assert (await settling).charged == 700
        account = await ledger.account("studio")
        assert (account.balance, account.held) == (CREDITS_MICRO - 700, 0)


@asynccontextmanager
async def passing(
    folder: Path, rest: asyncio.Event
) -> AsyncIterator[tuple[str, tuple[object, ...]]]:
    """Yield a ledger, and the flags of a gateway whose provider waits in the middle of an image."""
    script = Script([RESPONSE[:HALF], rest, RESPONSE[HALF:]], content_type="application/json")
    async with scripted(script) as provider:
        for name in ("catalog", "credentials", "run"):
            (folder / name).mkdir()
        manifests = yaml.safe_dump_all(canvas(endpoint=provider.url))
        (folder / "catalog" / "canvas.yaml").write_text(manifests)
        (folder / "credentials" / "openai.api-key").write_text("sk-anything")
        catalog, credentials = folder / "catalog", folder / "credentials"
        flags = ("--catalog-dir", catalog, "--credentials-dir", credentials)
        yield f"sqlite:///{folder}/ledger.db", flags


async def leave_in_the_middle(gateway: GatewayProcess, key: str) -> None:
    """Ask for an image, read some of it, and reset the connection."""
    headers = {"Authorization": f"Bearer {key}"}
    url = f"{gateway.url}/v1/images/generations"
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(url, json=ASKED) as response,
    ):
        assert await response.content.readexactly(1000)


async def new_key(url: str) -> str:
    async with opened(url) as ledger:
        await ledger.create_account("studio", credits_micro=CREDITS_MICRO)
        return (await ledger.create_key("studio"))[1]


async def is_charged_once(url: str) -> None:
    async with opened(url, later_seconds=2 * HOLD_LIFETIME_SECONDS) as ledger:
        account, audit = await ledger.account("studio"), await ledger.audit()
    assert account.balance == CREDITS_MICRO - COST
    assert (audit.open_holds, audit.problems) == (0, ())


async def test_a_gateway_that_is_killed_while_an_image_passes_charges_for_it_at_its_next_start(
    tmp_path: Path,
) -> None:
    async with passing(tmp_path, asyncio.Event()) as (database, flags):
        key, environ = await new_key(database), {"TINTYPE_DATABASE_URL": database}
        with running_process(tmp_path / "run", *flags, environ=environ) as gateway:
            await leave_in_the_middle(gateway, key)
            os.kill(gateway.process.popen.pid, signal.SIGKILL)
            gateway.process.popen.wait()
        async with opened(database) as ledger:
            assert (await ledger.account("studio")).held == COST
        with running_process(tmp_path / "run", *flags, environ=environ):
            await eventually(lambda: is_settled(database))
    await is_charged_once(database)


async def test_a_gateway_completes_sold_images_at_shutdown(tmp_path: Path) -> None:
    rest = asyncio.Event()
    async with passing(tmp_path, rest) as (database, flags):
        key, environ = await new_key(database), {"TINTYPE_DATABASE_URL": database}
        with running_process(tmp_path / "run", *flags, environ=environ) as gateway:
            await leave_in_the_middle(gateway, key)
            gateway.process.popen.terminate()
            await eventually(lambda: is_draining(gateway))
            rest.set()
            assert await asyncio.to_thread(gateway.process.popen.wait, 60) == 0
        assert list((tmp_path / "run").rglob("*.journal")) == []
    await is_charged_once(database)


async def is_draining(gateway: GatewayProcess) -> bool:
    return '"draining"' in gateway.stderr


async def is_settled(url: str) -> bool:
    async with opened(url) as ledger:
        return (await ledger.account("studio")).held == 0
