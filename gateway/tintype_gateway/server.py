"""One gateway process: everything it needs, started in order and stopped in reverse."""

import asyncio
import logging
import signal
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path

from aiohttp import web

import tintype_catalog
from tintype_gateway.auth.call_limits import CallLimits
from tintype_gateway.auth.jwt.verifier import create_verifier
from tintype_gateway.billing.settlement_journal import Journal
from tintype_gateway.billing.settlements import Settlements
from tintype_gateway.catalog.folder import ManifestFolder
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.demo import ensure_demo_key, welcome
from tintype_gateway.http.app import AdminApp, create_app
from tintype_gateway.http.drain import FAREWELL_SECONDS, create_runner
from tintype_gateway.images.converter import Converter
from tintype_gateway.images.tools import ImageTools
from tintype_gateway.ledger.caching import remembering
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.ledger.instrumented import measured
from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.observability import access_log
from tintype_gateway.observability.metrics import HOLDS_EXPIRED
from tintype_gateway.pipeline.pipeline import Pipeline
from tintype_gateway.runtime.allocator import return_kept_regularly, spare_collector
from tintype_gateway.runtime.cgroup import memory
from tintype_gateway.runtime.loop_lag import observe_lag
from tintype_gateway.runtime.memory_budget import MemoryBudget
from tintype_gateway.settings import GatewaySettings
from tintype_gateway.simulated import pointed_at, simulators
from tintype_gateway.sources import Following, follow_catalog, follow_credentials
from tintype_gateway.storage.factory import open_store
from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.idempotent_responses import Replays
from tintype_gateway.upstream import circuit_metrics as circuit_gauges
from tintype_gateway.upstream.credentials import Credentials, SimulatedCredentials
from tintype_gateway.upstream.sessions import open_session, open_sessions

log = logging.getLogger(__name__)

STARTER = Path(str(files(tintype_catalog))) / "starter"
REHEARSAL = Path(str(files(tintype_catalog))) / "overlays" / "simulated"

EXPIRY_SECONDS = 10
"""How often the holds of dead processes are looked for."""

SETTLE_SECONDS = 5
"""How long charges that are due are retried at the end. What is left is in the journal."""

JOURNALS = "settlements"
"""The folder of the journals of settlements, in the data folder."""

DRAIN_SECONDS = 180
"""How long requests in flight have to finish after a signal: pictures take a minute."""


async def serve(settings: GatewaySettings) -> None:
    """Serve until SIGINT or SIGTERM. A second signal does not wait for requests in flight.

    Raises:
        OSError: A folder of the settings is not there, or a port is taken.
    """
    _require_folders(settings)
    access_log.configure(settings.access_log_level, settings.access_log_sampling)
    stopping = _stop_signal()
    async with AsyncExitStack() as stack:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        calls = CallLimits()
        ledger = calls.refunding(remembering(measured(open_ledger(settings.ledger_url))))
        stack.push_async_callback(ledger.close)
        await _check(ledger)
        journal = Journal(settings.data_dir / JOURNALS)
        stack.callback(journal.close)
        settlements = Settlements(ledger, journal)
        stack.push_async_callback(settlements.finish, SETTLE_SECONDS)
        settlements.recover()
        store, credentials = CatalogStore(), Credentials()
        simulator = await stack.enter_async_context(simulators()) if settings.simulate else None
        sessions = await stack.enter_async_context(open_sessions(settings.endpoint_reach))
        for_issuers = await stack.enter_async_context(open_session(None))
        images = await _images(settings, stack)
        pipeline = Pipeline(
            catalogs=store,
            ledger=ledger,
            credentials=SimulatedCredentials() if settings.simulate else credentials,
            sessions=sessions,
            handling=settings.parameter_handling,
            profile=settings.response_profile,
            micro_credits_per_usd=settings.micro_credits_per_usd,
            settlements=settlements,
            model_defaults=settings.default_model_params,
            jwts=create_verifier(settings.jwt_issuers, for_issuers),
            heartbeat_seconds=settings.stream_heartbeat_seconds,
            images=images,
            replays=Replays(images.store, images.url_seconds),
            memory=MemoryBudget(memory(settings.memory_limit_bytes)),
            calls=calls,
        )
        stack.push_async_callback(pipeline.replays.finish)
        circuit_gauges.show(pipeline.attempts.circuits, store)
        sources = await _sources(settings, store, simulator, stack)
        sources += await follow_credentials(settings, credentials, stack)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        chores = (_expire_holds(ledger), pipeline.deliveries.report(ledger), observe_lag())
        memory_chores = (spare_collector(store.arrived), return_kept_regularly())
        for work in (*chores, *memory_chores, *sources):
            stack.callback(tasks.create_task(work).cancel)
        token = settings.admin_token
        admin = AdminApp(pipeline, token.get_secret_value() if token else None)
        probes = create_runner(admin.application(), DRAIN_SECONDS)
        admin_url = await _listen(probes, settings.admin_host, settings.admin_port, stack)
        api = create_app(
            pipeline,
            settings.max_request_bytes,
            drain_seconds=DRAIN_SECONDS,
            with_playground=settings.playground,
            public_models=settings.public_models,
            cors_origins=settings.cors_origins,
        )
        farewell = 0 if settings.demo else FAREWELL_SECONDS  # someone waits for a demo to end
        clients = create_runner(api, DRAIN_SECONDS, settings.max_connections, farewell)
        url = await _listen(clients, settings.host, settings.port, stack)
        stack.callback(tasks.create_task(admin.store_health.watch()).cancel)
        if isinstance(images.store, FolderStore):
            images.store.listens_at(url)
            stack.callback(tasks.create_task(images.store.clean()).cancel)
        if settings.demo:
            key_path = settings.data_dir / "demo.key"
            await ensure_demo_key(ledger, key_path)
            print(welcome(url, key_path, with_playground=settings.playground), flush=True)
        log.info("serving", extra={"url": url, "admin_url": admin_url})
        await stopping.wait()
        admin.draining = True
        log.info("draining")


async def _images(settings: GatewaySettings, stack: AsyncExitStack) -> ImageTools:
    """Return what converts and stores pictures until the stack closes."""
    opening = open_store(settings, settings.image_folder, settings.data_dir)
    converter = Converter(settings.image_workers)
    stack.callback(converter.close)
    return ImageTools(
        converter=converter,
        store=await stack.enter_async_context(opening),
        url_seconds=settings.image_url_seconds,
        default_response_format=settings.default_response_format,
    )


async def _check(ledger: Ledger) -> None:
    """Say at once what is wrong with the ledger. It may come back, so requests are taken anyway."""
    try:
        await ledger.check()
    except LedgerError as error:
        log.error("the ledger cannot be used", extra={"error": str(error)})


def _require_folders(settings: GatewaySettings) -> None:
    for name in ("catalog_dir", "catalog_overlay", "catalog_mount", "credentials_dir"):
        path: Path | None = getattr(settings, name)
        if path is not None and not path.is_dir():
            raise NotADirectoryError(f"TINTYPE_{name.upper()}: {path} is not a folder")


def _stop_signal() -> asyncio.Event:
    """Return what the first signal sets. The second one cancels the whole process."""
    stopping = asyncio.Event()
    loop, main = asyncio.get_running_loop(), asyncio.current_task()

    def stop() -> None:
        if stopping.is_set() and main is not None:
            main.cancel()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    return stopping


async def _sources(
    settings: GatewaySettings, store: CatalogStore, simulator: str | None, stack: AsyncExitStack
) -> list[Following]:
    """Return what keeps the catalog up to date: the channels of a published one, or a folder."""
    published = await follow_catalog(settings, store, stack)
    return published or [_folder(settings, simulator).follow(store)]


def _folder(settings: GatewaySettings, simulator: str | None) -> ManifestFolder:
    """Return the folder of manifests; against simulators the starter catalog is the rehearsal's."""
    overlays = [REHEARSAL] if simulator and settings.catalog_dir is None else []
    if settings.catalog_overlay is not None:
        overlays.append(settings.catalog_overlay)
    folder = ManifestFolder(settings.catalog_dir or STARTER, tuple(overlays))
    if simulator is None:
        return folder
    return replace(folder, adjust=partial(pointed_at, url=simulator))


async def _expire_holds(ledger: Ledger) -> None:
    """Give back what dead processes held, and forget old holds, for as long as this one lives."""
    while True:
        try:
            HOLDS_EXPIRED.inc(await ledger.expire_holds())
            await ledger.forget_released_holds()
        except LedgerError as error:
            log.warning("holds not expired", extra={"error": str(error)})
        await asyncio.sleep(EXPIRY_SECONDS)


async def _listen(runner: web.AppRunner, host: str, port: int, stack: AsyncExitStack) -> str:
    """Serve an application until the stack closes, and return its URL."""
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, host, port).start()
    bound = runner.addresses[0]
    return f"http://{bound[0]}:{bound[1]}"
