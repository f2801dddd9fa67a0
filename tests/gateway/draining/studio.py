"""Gateways as processes on one ledger, before one simulator, and a client that has a key."""

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tintype_gateway.holds import HOLD_LIFETIME_SECONDS
from tintype_gateway.ledger.interface import Account, Audit
from tintype_simulator.app import running
from tintype_testing.fleet import CREDITS_MICRO, PRICE, Fleet
from tintype_testing.ledgers import opened
from tintype_testing.simulators import requests_received
from tintype_testing.waiting import eventually


@dataclass(frozen=True)
class Studio:
    """Everything that a test of several processes needs."""

    fleet: Fleet
    simulator: str
    ledger_url: str
    http: aiohttp.ClientSession
    """Sends the key, and never a second request on a connection."""

    async def generate(self, index: int = 0, **fields: Any) -> int:
        """Ask a gateway for an image, read the whole response, and return its status."""
        async with self.asking(index, **fields) as response:
            body = await response.read()
            if response.content_type == "application/json":
                json.loads(body)  # never half a document
            return response.status

    def asking(
        self, index: int = 0, **fields: Any
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Return the context of a response that has begun."""
        url = f"{self.fleet.urls[index]}/v1/images/generations"
        return self.http.post(url, json={"model": "canvas", "prompt": "a red fox"} | fields)

    async def provider_has(self, calls: int) -> None:
        """Wait until the provider has been asked so often."""

        async def has() -> bool:
            return len(await requests_received(self.simulator)) >= calls

        await eventually(has)

    async def books(self, *, later_seconds: float = 0) -> tuple[Account, Audit]:
        """Return what the ledger says, at a later time once what has ended then was expired."""
        async with opened(self.ledger_url, later_seconds=later_seconds) as ledger:
            await ledger.expire_holds()
            return await ledger.account("studio"), await ledger.audit()

    async def has_paid_for(self, images: int) -> None:
        """Expect sound books in which nothing is held once all holds have had their time."""
        account, audit = await self.books(later_seconds=2 * HOLD_LIFETIME_SECONDS)
        assert audit.problems == ()
        assert (audit.open_holds, account.held) == (0, 0)
        assert account.balance == CREDITS_MICRO - images * PRICE


@asynccontextmanager
async def running_studio(
    folder: Path, ledger_url: str, size: int = 1, latency_seconds: float = 0, **environ: str
) -> AsyncIterator[Studio]:
    """Run this number of gateways until the block ends."""
    async with opened(ledger_url) as ledger:
        await ledger.create_account("studio", credits_micro=CREDITS_MICRO)
        _, key = await ledger.create_key("studio")
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        running(latency_seconds=latency_seconds) as simulator,
        aiohttp.ClientSession(connector=connector, headers=headers) as http,
    ):
        fleet = Fleet(folder, simulator, ledger_url, size, **environ)
        try:
            for index in range(size):
                fleet.launch(index)
            await fleet.wait_until_ready(http)
            yield Studio(fleet, simulator, ledger_url, http)
        finally:
            fleet.end()
