"""Clients of a soak, which arrive at a fixed rate, independent of earlier responses."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiohttp

from bench.soak_mix import OUTCOMES
from tintype_testing.chaos.clients import Tally
from tintype_testing.chaos.plan import PlannedRequest

LEAVE_SECONDS = 0.5
"""The patience of a client that leaves in the middle."""

SOON_SECONDS = 5
"""How late a request is repeated at the latest under its idempotency key."""


@dataclass
class Clients:
    """Everybody who asks one gateway for images."""

    url: str
    http: aiohttp.ClientSession
    tally: Tally = field(default_factory=Tally)
    outcomes: Counter[str] = field(default_factory=Counter)
    """What came of each kind of request."""

    latencies: list[float] = field(default_factory=list)
    """Seconds to the end of each small response since `take_latencies`."""

    async def come(
        self, asks: Iterator[PlannedRequest], pauses: Iterator[float], seconds: float
    ) -> None:
        """Send requests for so long, and see all of them through."""
        end = due = time.perf_counter()
        end += seconds
        async with asyncio.TaskGroup() as clients:
            while (due := due + next(pauses)) < end:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                clients.create_task(self._see_through(next(asks)))

    def take_latencies(self) -> list[float]:
        """Return what was noted since the last time."""
        taken, self.latencies = self.latencies, []
        return taken

    async def _see_through(self, ask: PlannedRequest) -> None:
        outcome = await (self._leave(ask) if ask.kind == "leaving" else self._ask(ask))
        self._judge(ask, outcome)
        if ask.kind == "idempotent":
            await asyncio.sleep(ask.number % SOON_SECONDS)
            self._judge(ask, await self._ask(ask))

    def _judge(self, ask: PlannedRequest, outcome: str) -> None:
        self.outcomes[f"{ask.kind}: {outcome}"] += 1
        if outcome not in OUTCOMES[ask.kind]:
            self.tally.unexplained.append(f"{ask}: {outcome}")

    async def _ask(self, ask: PlannedRequest) -> str:
        begin = time.perf_counter()
        try:
            async with self._post(ask) as response:
                outcome = self.tally.note(ask, response, await response.read())
        except aiohttp.ClientError:
            self.tally.statuses["broken off"] += 1
            self.tally.aborted += 1
            return "broken off"
        if ask.kind == "small":
            self.latencies.append(time.perf_counter() - begin)
        if ask.kind == "url" and outcome == "200 complete":
            return await self._fetch(self.tally.urls.pop())
        return outcome

    async def _fetch(self, url: str) -> str:
        """Follow the link to an image."""
        async with self.http.get(url) as response:
            return "200 complete" if await response.read() else "an empty image"

    async def _leave(self, ask: PlannedRequest) -> str:
        """Disconnect after the start of the response, or before it."""
        try:
            async with asyncio.timeout(LEAVE_SECONDS), self._post(ask) as response:
                await response.content.read(1)
                response.close()
        except TimeoutError:
            pass
        self.tally.statuses["left"] += 1
        self.tally.aborted += 1
        return "left"

    def _post(self, ask: PlannedRequest) -> "aiohttp.client._RequestContextManager":
        headers = {"Idempotency-Key": key} if (key := ask.idempotency_key) else {}
        if ask.kind == "stranger":
            headers["Authorization"] = f"Bearer stranger-{ask.number}"
        url = f"{self.url}/v1/images/generations"
        return self.http.post(url, json=ask.body, headers=headers)
