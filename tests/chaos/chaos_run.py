"""The chaos run: load, provider faults, and one disruption after the other."""

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
from tintype_testing.chaos.clients import Client, Incarnations, Tally
from tintype_testing.chaos.plan import Disruption
from tintype_testing.fleet import Fleet
from tintype_testing.postgres import PostgresServer
from tintype_testing.simulators import script

CLIENTS = 8
FAULTS_AHEAD = 2000
"""The number of scripted provider faults; more than the calls in a turn."""

TURN_SECONDS = 5


class Footprint(NamedTuple):
    """The memory and the open files of a process."""

    resident_mebibytes: int
    open_files: int


def footprint(pid: int) -> Footprint:
    """Return the current memory and open files of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    kibibytes = int(status.partition("VmRSS:")[2].split()[0])
    return Footprint(kibibytes // 1024, len(os.listdir(f"/proc/{pid}/fd")))


@dataclass
class ChaosRun:
    """Two gateways with their ledger, catalog and provider, and the disruptions."""

    seed: int
    fleet: Fleet
    http: aiohttp.ClientSession
    postgres: PostgresServer
    database: str
    simulator: str
    catalogs: Catalogs
    tally: Tally = field(default_factory=Tally)
    disruptions: Counter[str] = field(default_factory=Counter)
    bases: dict[int, Footprint] = field(default_factory=dict)
    """The footprint of each gateway after its last start, before its first request."""

    def __post_init__(self) -> None:
        self._gateways = len(self.fleet.urls)
        self._incarnations = Incarnations(set())
        self._outage: asyncio.Task[None] | None = None

    async def run(self, seconds: float) -> None:
        """Cause disruptions for `seconds`, then wait until every request is done and every gateway
        ready."""
        statuses = ",".join(map(self.fleet.status_url, range(self._gateways)))
        await asyncio.to_thread(self.catalogs.publish, statuses)
        for index in range(self._gateways):
            await self._launch(index)
        enough, planned_requests = asyncio.Event(), plan.planned_requests(self.seed)
        client = Client(self.fleet, self._incarnations, self.http, self.tally)
        load = [asyncio.create_task(client.run(planned_requests, enough)) for _ in range(CLIENTS)]
        failing = asyncio.create_task(self._fail_by_seed())
        try:
            await self._disrupt(seconds)
        finally:
            enough.set()
            failing.cancel()
        await asyncio.gather(*load)
        await self._end_outage()
        await asyncio.to_thread(self.catalogs.wait_until_served, self.fleet)

    async def _disrupt(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        for disruption in plan.disruptions(self.seed, self._gateways):
            await asyncio.sleep(disruption.pause_seconds)
            if loop.time() > end:
                return
            self.disruptions[disruption.kind] += 1
            await self._cause(disruption)

    def _cause(self, disruption: Disruption) -> Coroutine[Any, Any, None]:
        match disruption.kind:
            case "kill":
                return self._kill(disruption.gateway)
            case "restart":
                return self._restart(disruption.gateway)
            case "database crash":
                return asyncio.to_thread(self._restart_database, signal.SIGQUIT)
            case "database restart":
                return asyncio.to_thread(self._restart_database, signal.SIGINT)
            case "connections":
                return self._disconnect()
            case "catalog":
                return asyncio.to_thread(self._change_catalogs)
            case "API outage":
                return self._begin_outage()

    async def _kill(self, index: int) -> None:
        self._incarnations.end(index)
        self.fleet.kill(index)
        await self._launch(index)

    async def _restart(self, index: int) -> None:
        self._incarnations.end(index)
        await asyncio.to_thread(self.fleet.drain, index)
        await self._launch(index)

    async def _launch(self, index: int) -> None:
        """Start a gateway with a valid catalog."""
        while not self.catalogs.is_valid:
            self.catalogs.change_folder()
        self.fleet.launch(index)
        await self.fleet.wait_until_ready(self.http, index)
        self.bases[index] = footprint(self.fleet.pid(index))
        self._incarnations.present.add(index)

    def _restart_database(self, how: signal.Signals) -> None:
        self.postgres.stop(how)
        self.postgres.start()

    async def _disconnect(self) -> None:
        await self.postgres.disconnect_all(self.database)

    def _change_catalogs(self) -> None:
        self.catalogs.change_folder()
        if not self._is_without_api_server:
            self.catalogs.change_objects()

    @property
    def _is_without_api_server(self) -> bool:
        return self._outage is not None and not self._outage.done()

    async def _begin_outage(self) -> None:
        """Stop the API server while other disruptions continue."""
        await self._end_outage()
        outage = asyncio.to_thread(self.catalogs.pause_api_server)
        self._outage = asyncio.create_task(outage)

    async def _end_outage(self) -> None:
        if self._outage is not None:
            await self._outage

    async def _fail_by_seed(self) -> None:
        for turn in itertools.count():
            await script(self.simulator, *plan.faults(self.seed, FAULTS_AHEAD, turn))
            await asyncio.sleep(TURN_SECONDS)
