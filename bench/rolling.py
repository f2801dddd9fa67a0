"""Two gateways are replaced under load: `python -m bench.rolling`.

By default 200 requests a second, of ten seconds each, so that 2,000 are in flight. The clients do
what a Kubernetes Service does: new connections go to the gateways that are in it, and open ones
stay where they are. Each gateway leaves the Service as a pod does that is deleted, serves on while
the chart's preStop hook waits, gets SIGTERM, and comes back as a new process. No request may fail.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench.cases import SIZES, image_base64, upstream_prefix
from bench.load import RESPONSE_SECONDS, Connection, Request, WrongResponseError, connected
from bench.slowloris import enough_files
from bench.soak_mix import pauses
from bench.targets import new_key, upstream
from tintype_gateway.ledger.factory import migrate_ledger
from tintype_testing.fleet import Fleet
from tintype_testing.postgres import running_postgres

REQUEST_SECONDS = 10

PRE_STOP_SECONDS = 10
"""The chart's `gateway.preStopSeconds`."""

GATEWAYS = 2

SEED = 7


@dataclass
class Service:
    """Sends each request on an idle connection, or on a new one to the next member."""

    requests: list[Request]
    """What each gateway is asked."""

    members: list[int] = field(default_factory=list)
    idle: list[tuple[int, Connection]] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    in_flight: Counter[int] = field(default_factory=Counter)
    most: int = 0
    """The most requests that were in flight at once."""

    turn: int = 0

    async def load(self, rate: float, until: asyncio.Event) -> None:
        """Send requests at a fixed rate, and wait for all responses."""
        due = time.perf_counter()
        async with asyncio.TaskGroup() as clients:
            for pause in pauses(SEED, rate):
                if until.is_set():
                    return
                due += pause
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                clients.create_task(self._ask())

    def close(self) -> None:
        """Close what is still open."""
        for _, connection in self.idle:
            connection.close()

    async def _ask(self) -> None:
        kept = self._kept()
        kind = "kept" if kept else "new"
        try:
            async with asyncio.timeout(RESPONSE_SECONDS):
                await self._ask_on(*(kept or await self._new()))
            self.ends["whole"] += 1
        except (OSError, TimeoutError, WrongResponseError) as error:
            self.ends[f"{kind} connection: {type(error).__name__}: {error}"[:120]] += 1

    async def _ask_on(self, index: int, connection: Connection) -> None:
        """Send a request, and keep the connection if its response is complete."""
        request = self.requests[index]
        self.in_flight[index] += 1
        self.most = max(self.most, self.in_flight.total())
        try:
            await connection.ask(request.encoded(), request.response_bytes)
        except BaseException:
            connection.close()
            raise
        finally:
            self.in_flight[index] -= 1
        self.idle.append((index, connection))

    def _kept(self) -> tuple[int, Connection] | None:
        while self.idle:
            index, connection = self.idle.pop()
            if not (connection.is_last or connection.was_closed()):
                return index, connection
            connection.close()
        return None

    async def _new(self) -> tuple[int, Connection]:
        self.turn += 1
        index = self.members[self.turn % len(self.members)]
        return index, await connected(self.requests[index].address)


@dataclass(frozen=True)
class Rollout:
    """What replaces one gateway after the other."""

    fleet: Fleet
    service: Service
    http: aiohttp.ClientSession

    async def begin(self) -> None:
        """Start all gateways, and let them join the Service."""
        for index in range(GATEWAYS):
            self.fleet.launch(index)
        await self.fleet.wait_until_ready(self.http)
        self.service.members.extend(range(GATEWAYS))

    async def replace(self, index: int) -> dict[str, Any]:
        """Replace a gateway as Kubernetes does, and return how that went."""
        self.service.members.remove(index)
        await asyncio.sleep(PRE_STOP_SECONDS)
        unfinished, begin = self.service.in_flight[index], time.perf_counter()
        exit_code = await asyncio.to_thread(self.fleet.drain, index)
        seconds = time.perf_counter() - begin
        self.fleet.launch(index)
        await self.fleet.wait_until_ready(self.http, index)
        self.service.members.append(index)
        facts = {"in flight at SIGTERM": unfinished, "seconds to its end": round(seconds, 1)}
        return facts | {"exit code": exit_code}


def main() -> None:
    """Replace both gateways, and end with 1 where a request failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.rolling", description=__doc__)
    parser.add_argument("--rate", type=float, default=200, help="requests a second")
    rate = parser.parse_args().rate
    with enough_files(int(4 * rate * REQUEST_SECONDS)), _running() as (fleet, service):
        figures = asyncio.run(_rolled_out(fleet, service, rate))
    print(json.dumps(figures, indent=1))
    sys.exit(0 if set(service.ends) == {"whole"} else 1)


@contextmanager
def _running() -> Iterator[tuple[Fleet, Service]]:
    """Yield gateways that are not yet started, on one ledger, and the Service that they join."""
    with upstream() as url, running_postgres(fsync="on") as server:
        database_url = server.url(server.create_database())
        asyncio.run(migrate_ledger(database_url))
        key = asyncio.run(new_key(database_url))
        provider = url + upstream_prefix("openai-images", SIZES["64 KiB"], 1000 * REQUEST_SECONDS)
        with tempfile.TemporaryDirectory() as folder:
            fleet = Fleet(Path(folder), provider, database_url, GATEWAYS)
            try:
                yield fleet, Service([_request(each, key) for each in fleet.urls])
            finally:
                fleet.end()


def _request(url: str, key: str) -> Request:
    body = json.dumps({"model": "canvas", "prompt": "a red fox"}).encode()
    headers = (f"Authorization: Bearer {key}",)
    length = len(image_base64(SIZES["64 KiB"]))
    return Request(f"{url}/v1/images/generations", body, headers, length)


async def _rolled_out(fleet: Fleet, service: Service, rate: float) -> dict[str, Any]:
    enough = asyncio.Event()
    async with aiohttp.ClientSession() as http:
        rollout = Rollout(fleet, service, http)
        await rollout.begin()
        load = asyncio.create_task(service.load(rate, enough))
        replaced = []
        for index in range(GATEWAYS):
            await asyncio.sleep(1.5 * REQUEST_SECONDS)
            replaced.append(await rollout.replace(index))
        enough.set()
        await load
    service.close()
    return {"replaced": replaced, "most in flight": service.most, "requests": dict(service.ends)}


if __name__ == "__main__":
    main()
