"""A gateway of one's own: the real application over loopback, its ledger in a file, and the
simulator behind it.

    async with running_gateway(tmp_path) as gateway:
        async with gateway.openai() as client:
            await client.images.generate(model="gpt-image-1", prompt="a red fox")

Whoever closes it checks the books: the ledger must add up, and nothing may still be held.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
from aiohttp import web
from openai import AsyncOpenAI

from tests.simulator.support import requests_received, script
from tintype_catalog.compiler import compile_manifests
from tintype_gateway.app import AdminApp, create_app
from tintype_gateway.catalog.folder import Manifest, ManifestFolder
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.credentials import CredentialSource, SimulatedCredentials
from tintype_gateway.ledger.interface import Account, Ledger
from tintype_gateway.ledger.opening import open_ledger
from tintype_gateway.metrics import REGISTRY
from tintype_gateway.pipeline import Pipeline
from tintype_gateway.server import REHEARSAL, STARTER
from tintype_gateway.simulated import pointed_at
from tintype_gateway.stages.adapt import Handling
from tintype_simulator.app import running

ACCOUNT = "studio"
CREDITS_MICRO = 1_000_000_000
"""What the account has, if a test does not say otherwise."""

SHUTDOWN_SECONDS = 0.5
"""What requests in flight have left when a gateway is closed."""

MAX_REQUEST_BYTES = 64 * 1024
"""Enough for the longest prompt that a model takes, and soon exceeded."""


@dataclass(frozen=True)
class Gateway:
    """A running gateway: where it listens, what stands behind it, and a key to it."""

    url: str
    """The base URL, without `/v1`."""

    admin: AdminApp
    admin_url: str
    simulator: str
    """The base URL of the simulator."""

    catalogs: CatalogStore
    ledger: Ledger
    ledger_path: Path
    key: str = field(repr=False)
    """A key of the account `studio`."""

    def openai(self, **options: Any) -> AsyncOpenAI:
        """Return OpenAI's own client, which does not retry unless told to."""
        given = {"api_key": self.key, "max_retries": 0} | options
        return AsyncOpenAI(base_url=f"{self.url}/v1", **given)

    def http(self, **headers: str) -> httpx2.AsyncClient:
        """Return a client that sends exactly what it is given, and the account's key."""
        given = {"Authorization": f"Bearer {self.key}"} | headers
        return httpx2.AsyncClient(base_url=self.url, headers=given, timeout=30)

    async def generate(
        self, headers: dict[str, str] | None = None, **fields: object
    ) -> httpx2.Response:
        """Ask for a picture, of `canvas` if the fields name no model, and return the answer."""
        body = {"model": "canvas", "prompt": "a red fox"} | fields
        async with self.http() as http:
            return await http.post("/v1/images/generations", json=body, headers=headers)

    async def script(self, *faults: dict[str, object]) -> None:
        """Let the next calls to the provider meet these faults, in turn."""
        await script(self.simulator, *faults)

    async def upstream_calls(self) -> list[dict[str, Any]]:
        """Return the bodies of all calls that the provider received."""
        return [call["body"] for call in await requests_received(self.simulator)]  # type: ignore[misc]

    async def account(self) -> Account:
        """Return what the account `studio` has."""
        return await self.ledger.account(ACCOUNT)


@asynccontextmanager
async def running_gateway(
    folder: Path,
    *manifests: Manifest,
    catalog_dir: Path | None = None,
    overlays: Sequence[Path] = (),
    credits_micro: int = CREDITS_MICRO,
    unlimited: bool = False,
    credentials: CredentialSource | None = None,
    handling: Handling = "lenient",
) -> AsyncIterator[Gateway]:
    """Run a gateway whose data is in `folder`.

    It serves the given manifests, or those in `catalog_dir`, which it follows, or the starter
    catalog as `tintype gateway --simulate` does.
    """
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(running())
        path = folder / "ledger.db"
        ledger = open_ledger(f"sqlite:///{path}", busy_timeout_seconds=0.2)
        stack.push_async_callback(ledger.close)
        await ledger.create_account(
            ACCOUNT, credits_micro=0 if unlimited else credits_micro, unlimited=unlimited
        )
        _, key = await ledger.create_key(ACCOUNT)
        store = CatalogStore()
        adjust = partial(pointed_at, url=simulator)
        if catalog_dir is not None:
            follower = ManifestFolder(catalog_dir, tuple(overlays), adjust).follow(store)
            stack.push_async_callback(_cancel, asyncio.create_task(follower))
            await until(lambda: store.catalog is not None)
        else:
            served = [*map(adjust, manifests)] or _starter(adjust)
            store.offer(compile_manifests(served).catalog, 1, "test")
        session = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))
        pipeline = Pipeline(
            catalogs=store,
            ledger=ledger,
            credentials=credentials or SimulatedCredentials(),
            session=session,
            handling=handling,
            micro_credits_per_usd=16_000_000,
        )
        admin = AdminApp(pipeline)
        admin_url = await stack.enter_async_context(_listening(admin.application()))
        api = create_app(pipeline, MAX_REQUEST_BYTES)
        url = await stack.enter_async_context(_listening(api))
        yield Gateway(url, admin, admin_url, simulator, store, ledger, path, key)
        await check_the_books(ledger)


async def check_the_books(ledger: Ledger) -> None:
    """Fail where the ledger does not add up, or a request that has ended still holds credits."""
    audit = await ledger.audit()
    assert audit.problems == ()
    assert audit.open_holds == 0


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; TimeoutError if it does not within ten seconds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def metric(name: str, **labels: str) -> float:
    """Return a sample of the gateway's metrics, 0 where there is none yet."""
    return REGISTRY.get_sample_value(name, labels) or 0


def _starter(adjust: Callable[[Manifest], Manifest]) -> list[Manifest]:
    return ManifestFolder(STARTER, (REHEARSAL,), adjust).read()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def _listening(app: web.Application) -> AsyncIterator[str]:
    """Serve an application on a free port as `tintype gateway` does, and yield its URL."""
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
