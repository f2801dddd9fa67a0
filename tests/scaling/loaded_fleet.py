"""Gateways whose requests in flight a test decides on, and their metrics."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from typing_extensions import override

from tintype_gateway.accounts import MAXIMUM_RATE, Policy
from tintype_testing.fleet import Fleet
from tintype_testing.held_simulator import HeldSimulator, held_simulator
from tintype_testing.ledgers import opened
from tintype_testing.manifests import Manifest, image_model, provider_binding

IMAGES = 2
"""The images of a request: so many do not pass through, and are in memory as a whole."""

CREDITS_MICRO = 10**13


class LargeImages(Fleet):
    """Gateways with a model of one size, of which a request for two reserves 16.5 MiB."""

    @override
    def manifests(self) -> list[Manifest]:
        sizes = {"mode": "List", "sizes": ["1024x1024"]}
        return [
            image_model(size=sizes),
            provider_binding(upstreamModel="dall-e-2", timeoutSeconds=3600),
        ]


@dataclass(frozen=True)
class Request:
    """A request in flight, and its status once it has ended."""

    prompt: str
    status: "asyncio.Task[int]"


@dataclass
class LoadedFleet:
    """Gateways, and the requests that each has in flight."""

    fleet: Fleet
    simulator: HeldSimulator
    http: aiohttp.ClientSession
    in_flight: list[list[Request]]
    refused: int = 0
    served: int = 0
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def spread(self, load: int, gateways: Sequence[int]) -> None:
        """Let requests end and begin until these gateways share this load, and others have none."""
        shares = [0] * len(self.in_flight)
        for place, gateway in enumerate(gateways):
            shares[gateway] = load // len(gateways) + (place < load % len(gateways))
        await asyncio.gather(*(self._end(gateway, share) for gateway, share in enumerate(shares)))
        await asyncio.gather(*(self._begin(gateway, share) for gateway, share in enumerate(shares)))

    async def metrics(self, gateway: int) -> dict[str, float]:
        """Return the metrics of a gateway that have no labels."""
        url = self.fleet.status_url(gateway).replace("/status", "/metrics")
        async with self.http.get(url) as response:
            lines = (await response.text()).splitlines()
        # Those with labels are hundreds, which take seconds of a day to parse.
        plain = "\n".join(line for line in lines if line.startswith("#") or "{" not in line)
        return {
            sample.name: sample.value
            for family in text_string_to_metric_families(plain + "\n")
            for sample in family.samples
        }

    async def _end(self, gateway: int, share: int) -> None:
        held = self.in_flight[gateway]
        oldest = max(0, len(held) - share)
        ending, self.in_flight[gateway] = held[:oldest], held[oldest:]
        for request in ending:
            self.simulator.release(request.prompt)
        self._count(await asyncio.gather(*(request.status for request in ending)))

    async def _begin(self, gateway: int, share: int) -> None:
        wanted = share - len(self.in_flight[gateway])
        begun = await asyncio.gather(*(self._begun(gateway) for _ in range(wanted)))
        self.in_flight[gateway] += [each for each in begun if not each.status.done()]
        self._count(each.status.result() for each in begun if each.status.done())

    def _count(self, statuses: Iterable[int]) -> None:
        for status in statuses:
            assert status in {200, 429}, status
            self.served += status == 200
            self.refused += status == 429

    async def _begun(self, gateway: int) -> Request:
        """Return a request once the provider has it, or the gateway has refused it."""
        prompt = f"image {next(self._numbers)}"
        request = Request(prompt, asyncio.create_task(self._ask(gateway, prompt)))
        arrival = asyncio.create_task(self.simulator.arrival(prompt))
        await asyncio.wait((request.status, arrival), return_when=asyncio.FIRST_COMPLETED)
        arrival.cancel()
        return request

    async def _ask(self, gateway: int, prompt: str) -> int:
        url = f"{self.fleet.urls[gateway]}/v1/images/generations"
        body = {"model": "canvas", "prompt": prompt, "n": IMAGES}
        async with self.http.post(url, json=body) as response:
            await response.read()
            return response.status


@asynccontextmanager
async def loaded_fleet(folder: Path, size: int, memory_bytes: int) -> AsyncIterator[LoadedFleet]:
    """Run gateways of which each may use this memory, with one ledger."""
    database = f"sqlite:///{folder}/ledger.db"
    async with opened(database) as ledger:
        policy = Policy(calls_per_minute=MAXIMUM_RATE)
        await ledger.create_account("studio", credits_micro=CREDITS_MICRO, policy=policy)
        _, key = await ledger.create_key("studio")
    async with held_simulator() as simulator:
        limit = {"TINTYPE_MEMORY_LIMIT_BYTES": str(memory_bytes)}
        fleet = LargeImages(folder, simulator.url, database, size, **limit)
        session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {key}"},
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        try:
            for gateway in range(size):
                fleet.launch(gateway)
            async with session:
                await fleet.wait_until_ready(session)
                yield LoadedFleet(fleet, simulator, session, [[] for _ in range(size)])
        finally:
            fleet.end()
