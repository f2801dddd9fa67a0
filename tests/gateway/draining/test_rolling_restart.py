"""Gateways that are replaced, or killed, under load: whom that concerns, and whom it does not."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.gateway.draining.studio import Studio, running_studio
from tests.gateway.draining.test_drain import LONG
from tintype_gateway.holds import HOLD_LIFETIME_SECONDS
from tintype_testing.postgres import PostgresServer
from tintype_testing.simulators import script
from tintype_testing.waiting import eventually

PRE_STOP_SECONDS = 0.2
"""What proxies have to notice that a pod ends: in the chart, `gateway.preStopSeconds`."""

CLIENTS = 8


@dataclass
class Service:
    """Sends requests to the gateways that are in it, in turn, as a Kubernetes Service does."""

    studio: Studio
    members: list[int]
    statuses: list[int] = field(default_factory=list)
    running: Counter[int] = field(default_factory=Counter)
    """Requests in flight, by gateway."""

    begun: Counter[int] = field(default_factory=Counter)
    """Requests so far, by gateway."""

    async def load(self, until: asyncio.Event) -> None:
        """Be a client that asks for one image after the other."""
        while not until.is_set():
            index = self.members[len(self.statuses) % len(self.members)]
            self.begun[index] += 1
            self.running[index] += 1
            self.statuses.append(await self.studio.generate(index))
            self.running[index] -= 1

    async def restart(self, index: int) -> int:
        """Replace a gateway that has just got a request; return how many it had to finish."""
        before = self.begun[index]
        await eventually(lambda: self.begun[index] > before)
        self.members.remove(index)
        await asyncio.sleep(PRE_STOP_SECONDS)
        unfinished = self.running[index]
        assert await asyncio.to_thread(self.studio.fleet.drain, index) == 0
        self.studio.fleet.launch(index)
        await self.studio.fleet.wait_until_ready(self.studio.http)
        self.members.append(index)
        return unfinished


async def test_a_rolling_restart_under_load_fails_no_request(
    tmp_path: Path, postgres: PostgresServer, migrated: str
) -> None:
    database = await asyncio.to_thread(postgres.create_database, migrated)
    url = postgres.url(database)
    async with running_studio(tmp_path, url, size=2, latency_seconds=2.5) as studio:
        service, enough = Service(studio, [0, 1]), asyncio.Event()
        clients = [asyncio.create_task(service.load(enough)) for _ in range(CLIENTS)]
        await studio.provider_has(CLIENTS)

        unfinished = [await service.restart(index) for index in (0, 1)]
        enough.set()
        await asyncio.gather(*clients)

        assert set(service.statuses) == {200}
        assert all(unfinished)
        await studio.has_paid_for(len(service.statuses))


async def test_a_killed_gateway_fails_only_its_requests_in_flight(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    async with running_studio(tmp_path, url, size=2) as studio:
        await script(studio.simulator, *[LONG] * 8)
        lost = [asyncio.create_task(studio.generate(0)) for _ in range(4)]
        others = [asyncio.create_task(studio.generate(1)) for _ in range(4)]
        await studio.provider_has(8)

        studio.fleet.kill(0)

        ends = await asyncio.gather(*lost, return_exceptions=True)
        assert all(isinstance(end, aiohttp.ClientError) for end in ends)
        assert await asyncio.gather(*others) == [200] * 4
        assert (await studio.books())[1].open_holds == 4
        _, audit = await studio.books(later_seconds=HOLD_LIFETIME_SECONDS)
        assert (audit.open_holds, audit.expired_holds) == (0, 4)
        await studio.has_paid_for(4)
