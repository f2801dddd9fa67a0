"""The storm itself: load, failing providers, and one trouble after the other."""

import asyncio
import itertools
import os
import signal
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from tests.chaos.catalogs import Catalogs
from tintype_testing.chaos import plan
from tintype_testing.chaos.clients import Client, Lives, Tally
from tintype_testing.chaos.plan import Blow
from tintype_testing.fleet import Fleet
from tintype_testing.postgres import PostgresServer
from tintype_testing.simulators import script

CLIENTS = 8
FAULTS_AHEAD = 2000
"""How many calls the provider's faults are known for; more than come in a turn."""

TURN_SECONDS = 5


class Footprint(NamedTuple):
    """What a process takes."""

    resident_mebibytes: int
    open_files: int


def footprint(pid: int) -> Footprint:
    """Return what a process takes now."""
    status = Path(f"/proc/{pid}/status").read_text()
    kibibytes = int(status.partition("VmRSS:")[2].split()[0])
    return Footprint(kibibytes // 1024, len(os.listdir(f"/proc/{pid}/fd")))


@dataclass
class Storm:
    """Two gateways, their ledger, catalog and provider, and all that happens to them."""

    seed: int
    fleet: Fleet
    http: aiohttp.ClientSession
    postgres: PostgresServer
    database: str
    simulator: str
    catalogs: Catalogs
    tally: Tally = field(default_factory=Tally)
    troubles: Counter[str] = field(default_factory=Counter)
    bases: dict[int, Footprint] = field(default_factory=dict)
    """What each gateway took when it was last started and had served nothing."""

    def __post_init__(self) -> None:
        self._gateways = len(self.fleet.urls)
        self._lives = Lives(set())
        self._outage: asyncio.Task[None] | None = None

    async def rage(self, seconds: float) -> None:
        """Let it happen for so long, then see every request through and every gateway ready."""
        statuses = ",".join(map(self.fleet.status_url, range(self._gateways)))
        await asyncio.to_thread(self.catalogs.publish, statuses)
        for index in range(self._gateways):
            await self._launch(index)
        enough, asks = asyncio.Event(), plan.asks(self.seed)
        client = Client(self.fleet, self._lives, self.http, self.tally)
        load = [asyncio.create_task(client.run(asks, enough)) for _ in range(CLIENTS)]
        failing = asyncio.create_task(self._fail_by_seed())
        try:
            await self._strike(seconds)
        finally:
            enough.set()
            failing.cancel()
        await asyncio.gather(*load)
        await self._end_outage()
        await asyncio.to_thread(self.catalogs.wait_until_served, self.fleet)

    async def _strike(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        for blow in plan.blows(self.seed, self._gateways):
            await asyncio.sleep(blow.pause_seconds)
            if loop.time() > end:
                return
            self.troubles[blow.trouble] += 1
            await self._happen(blow)

    def _happen(self, blow: Blow) -> Coroutine[Any, Any, None]:
        match blow.trouble:
            case "kill":
                return self._kill(blow.gateway)
            case "restart":
                return self._restart(blow.gateway)
            case "database crash":
                return asyncio.to_thread(self._restart_database, signal.SIGQUIT)
            case "database restart":
                return asyncio.to_thread(self._restart_database, signal.SIGINT)
            case "connections":
                return self._disconnect()
            case "catalog":
                return asyncio.to_thread(self._flip_catalogs)
            case "API outage":
                return self._begin_outage()

    async def _kill(self, index: int) -> None:
        self._lives.end(index)
        self.fleet.kill(index)
        await self._launch(index)

    async def _restart(self, index: int) -> None:
        self._lives.end(index)
        await asyncio.to_thread(self.fleet.drain, index)
        await self._launch(index)

    async def _launch(self, index: int) -> None:
        """Start a gateway, with a catalog that one can start with."""
        while not self.catalogs.is_sound:
            self.catalogs.flip_folder()
        self.fleet.launch(index)
        await self.fleet.wait_until_ready(self.http, index)
        self.bases[index] = footprint(self.fleet.pid(index))
        self._lives.present.add(index)

    def _restart_database(self, how: signal.Signals) -> None:
        self.postgres.stop(how)
        self.postgres.start()

    async def _disconnect(self) -> None:
        await self.postgres.disconnect_all(self.database)

    def _flip_catalogs(self) -> None:
        self.catalogs.flip_folder()
        if not self._is_without_api_server:
            self.catalogs.flip_objects()

    @property
    def _is_without_api_server(self) -> bool:
        return self._outage is not None and not self._outage.done()

    async def _begin_outage(self) -> None:
        """Let the API server be away while other things happen."""
        await self._end_outage()
        outage = asyncio.to_thread(self.catalogs.suffer_outage)
        self._outage = asyncio.create_task(outage)

    async def _end_outage(self) -> None:
        if self._outage is not None:
            await self._outage

    async def _fail_by_seed(self) -> None:
        for turn in itertools.count():
            await script(self.simulator, *plan.faults(self.seed, FAULTS_AHEAD, turn))
            await asyncio.sleep(TURN_SECONDS)
