"""A GPU with one slot behind three gateways: one call at a time, in fair order, and no loss."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import yaml
from aiohttp import web
from typing_extensions import override

from tintype_gateway.ledger.factory import migrate_ledger, open_ledger
from tintype_gateway.ledger.interface import Ledger
from tintype_testing.fleet import Fleet
from tintype_testing.gateway import canvas, towards
from tintype_testing.manifests import Manifest
from tintype_testing.postgres import PostgresServer
from tintype_testing.sample_images import sample_image
from tintype_testing.waiting import eventually, eventually_equal

ACCOUNTS = ("ada", "ben", "cleo", "dora", "emil")
BINDING = "canvas-openai"
BODY = json.dumps({"created": 1, "data": [{"b64_json": sample_image("png", 256, 256).decode()}]})


@dataclass
class Gpu:
    """A server that counts its calls, and does not notice that a caller has left."""

    url: str = ""
    free: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when calls may end."""

    running: int = 0
    most: int = 0
    served: list[str] = field(default_factory=list)
    """The prompts, in the order of arrival."""

    async def serve(self, request: web.Request) -> web.Response:
        prompt = (await request.json())["prompt"]
        self.running += 1
        self.most = max(self.most, self.running)
        self.served.append(prompt)
        await self.free.wait()
        await asyncio.sleep(0.01)
        self.running -= 1
        return web.Response(text=BODY, content_type="application/json")


@asynccontextmanager
async def gpu() -> AsyncIterator[Gpu]:
    server, app = Gpu(), web.Application()
    app.add_routes([web.post("/v1/images/generations", server.serve)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.free.set()
        await runner.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url(server.create_database())


@pytest.fixture
async def ledger(ledger_url: str) -> AsyncIterator[Ledger]:
    await migrate_ledger(ledger_url)
    ledger = open_ledger(ledger_url)
    yield ledger
    await ledger.close()


class GpuFleet(Fleet):
    """Gateways before a server with one slot. Only a defect lets a call wait for too long."""

    @override
    def manifests(self) -> list[Manifest]:
        return canvas(maxConcurrentCalls=1, timeoutSeconds=600, queueTimeoutSeconds=400)


HASTY_SECONDS = 12
"""The timeout of calls of a gateway that will be killed: long enough for all that comes before."""


class HastyFleet(GpuFleet):
    """The same, but the calls of the first gateway time out soon."""

    def __init__(self, folder: Path, server: str, ledger_url: str, size: int) -> None:
        super().__init__(folder, server, ledger_url, size)
        self._hasty = folder / "hasty"
        self._hasty.mkdir()
        manifests = canvas(maxConcurrentCalls=1, timeoutSeconds=HASTY_SECONDS)
        documents = [towards(manifest, server) for manifest in manifests]
        (self._hasty / "canvas.yaml").write_text(yaml.safe_dump_all(documents))

    @override
    def environ_of(self, index: int) -> dict[str, str]:
        environ = super().environ_of(index)
        return environ if index else environ | {"TINTYPE_CATALOG_DIR": str(self._hasty)}


@asynccontextmanager
async def running_fleet(fleet: Fleet) -> AsyncIterator[aiohttp.ClientSession]:
    try:
        for index in range(len(fleet.urls)):
            fleet.launch(index)
        async with aiohttp.ClientSession() as session:
            await fleet.wait_until_ready(session)
            yield session
    finally:
        fleet.end()


async def key_of(ledger: Ledger, account: str) -> str:
    await ledger.create_account(account, unlimited=True)
    _, secret = await ledger.create_key(account)
    return secret


async def generate(session: aiohttp.ClientSession, url: str, key: str, prompt: str) -> int:
    """Ask for an image, and return the status."""
    async with session.post(
        f"{url}/v1/images/generations",
        json={"model": "canvas", "prompt": prompt},
        headers={"Authorization": f"Bearer {key}"},
    ) as response:
        await response.read()
        return response.status


async def test_three_gateways_share_one_slot_fairly(
    tmp_path: Path, ledger: Ledger, ledger_url: str
) -> None:
    each = 10 if ledger_url.startswith("postgresql") else 5
    requests = each * len(ACCOUNTS)
    keys = {account: await key_of(ledger, account) for account in ACCOUNTS}
    async with (
        gpu() as server,
        running_fleet(fleet := GpuFleet(tmp_path, server.url, ledger_url, 3)) as session,
    ):
        asked = [
            asyncio.create_task(generate(session, fleet.urls[number % 3], keys[account], account))
            for number, account in enumerate(account for account in ACCOUNTS for _ in range(each))
        ]
        await eventually_equal(lambda: ledger.slot_calls([BINDING]), {BINDING: requests})
        await eventually(lambda: server.running == 1)
        server.free.set()

        assert await asyncio.gather(*asked) == [200] * requests

        assert (server.most, len(server.served)) == (1, requests)
        # Behind the first call, each account has its turn in each round.
        count = len(ACCOUNTS)
        rounds = [server.served[at : at + count] for at in range(1, requests - count, count)]
        assert [sorted(turns) for turns in rounds] == [list(ACCOUNTS)] * (each - 1)
        await eventually_equal(lambda: ledger.slot_calls([BINDING]), {BINDING: 0})
    assert (await ledger.audit()).problems == ()


async def test_the_slot_of_a_killed_gateway_returns_after_the_timeout_of_its_call(
    tmp_path: Path, ledger: Ledger, ledger_url: str
) -> None:
    key = await key_of(ledger, "studio")
    async with (
        gpu() as server,
        running_fleet(fleet := HastyFleet(tmp_path, server.url, ledger_url, 2)) as session,
    ):
        lost = asyncio.create_task(generate(session, fleet.urls[0], key, "lost"))
        await eventually(lambda: server.running == 1)
        following = asyncio.create_task(generate(session, fleet.urls[1], key, "next"))
        await eventually_equal(lambda: ledger.slot_calls([BINDING]), {BINDING: 2})
        fleet.kill(0)
        with pytest.raises(aiohttp.ClientError):
            await lost
        assert await ledger.slot_calls([BINDING]) == {BINDING: 2}
        assert server.served == ["lost"]
        server.free.set()

        assert await following == 200

        assert (server.served, server.most) == (["lost", "next"], 1)
        await eventually_equal(lambda: ledger.slot_calls([BINDING]), {BINDING: 0})
