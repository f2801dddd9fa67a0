"""One gateway process: it starts, serves until a signal, drains and stops."""

import asyncio
import logging
import os
import signal
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path

import tintype_catalog
from tintype_gateway.catalog.folder import ManifestFolder
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.composition import (
    Following,
    Gateway,
    Parts,
    compose,
    follow_catalog,
    follow_credentials,
    listening,
)
from tintype_gateway.demo import ensure_demo_key, pointed_at, simulators, welcome
from tintype_gateway.http.drain import GRACE_PERIOD_SECONDS
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.observability import access_log
from tintype_gateway.observability.metrics import HOLDS_EXPIRED
from tintype_gateway.runtime.allocator import return_kept_regularly, spare_collector
from tintype_gateway.runtime.loop_lag import observe_lag
from tintype_gateway.settings import GatewaySettings
from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.upstream.credentials import Credentials
from tintype_gateway.upstream.health_probes import HealthProbes

log = logging.getLogger(__name__)

STARTER = Path(str(files(tintype_catalog))) / "starter"
REHEARSAL = Path(str(files(tintype_catalog))) / "overlays" / "simulated"

EXPIRY_SECONDS = 10
"""The interval at which the holds of dead processes are released."""


async def serve(settings: GatewaySettings) -> None:
    """Serve until SIGINT or SIGTERM. A second signal does not wait for requests in flight.

    Raises:
        OSError: A folder of the settings does not exist, or a port is in use.
    """
    _require_folders(settings)
    access_log.configure(settings.access_log_level, settings.access_log_sampling)
    stopping = _stop_signal()
    async with AsyncExitStack() as stack:
        credentials = Credentials(os.environ if settings.has_environment_credentials else None)
        stack.push_async_callback(credentials.close)
        parts = Parts(credentials=None if settings.simulate else credentials, tls=credentials.tls)
        gateway = await compose(settings, stack, parts)
        await _check(gateway.ledger)
        simulator = await stack.enter_async_context(simulators()) if settings.simulate else None
        sources = await _sources(settings, gateway.catalogs, simulator, stack)
        sources += await follow_credentials(settings, credentials, stack)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        for work in (*_chores(gateway), *sources):
            stack.callback(tasks.create_task(work).cancel)
        grace = 0 if settings.demo else GRACE_PERIOD_SECONDS  # a demo's user waits for its end
        serving = listening(gateway, settings, grace_period_seconds=grace)
        url, admin_url = await stack.enter_async_context(serving)
        stack.callback(tasks.create_task(gateway.admin.store_health.watch()).cancel)
        store = gateway.pipeline.images.store
        if isinstance(store, FolderStore):
            stack.callback(tasks.create_task(store.clean()).cancel)
        if settings.demo:
            key_path = settings.data_dir / "demo.key"
            await ensure_demo_key(gateway.ledger, key_path)
            print(welcome(url, key_path, with_playground=settings.playground), flush=True)
        log.info("serving", extra={"url": url, "admin_url": admin_url})
        await stopping.wait()
        gateway.admin.draining = True
        log.info("draining")


def _chores(gateway: Gateway) -> tuple[Following, ...]:
    """Return the background tasks of the process."""
    return (
        _expire_holds(gateway.ledger),
        gateway.pipeline.delivery_receipts.report(gateway.ledger),
        HealthProbes(
            gateway.catalogs, gateway.pipeline.sessions, gateway.pipeline.retrier.circuits
        ).run(),
        observe_lag(),
        spare_collector(gateway.catalogs.arrived),
        return_kept_regularly(),
    )


async def _check(ledger: Ledger) -> None:
    """Log at the start if the ledger is unavailable. It may recover, so requests are accepted."""
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
    """Return an event that the first signal sets. The second signal cancels the process."""
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
    """Return the tasks that update the catalog: the channels of a published one, or a folder."""
    published = await follow_catalog(settings, store, stack)
    return published or [_folder(settings, simulator).follow(store)]


def _folder(settings: GatewaySettings, simulator: str | None) -> ManifestFolder:
    """Return the folder of manifests; with simulators, bindings point to the simulator."""
    overlays = [REHEARSAL] if simulator and settings.catalog_dir is None else []
    if settings.catalog_overlay is not None:
        overlays.append(settings.catalog_overlay)
    folder = ManifestFolder(settings.catalog_dir or STARTER, tuple(overlays))
    if simulator is None:
        return folder
    return replace(folder, adjust=partial(pointed_at, url=simulator))


async def _expire_holds(ledger: Ledger) -> None:
    """Release the holds of dead processes, and delete old holds, until cancelled."""
    while True:
        try:
            HOLDS_EXPIRED.inc(await ledger.expire_holds())
            await ledger.forget_released_holds()
        except LedgerError as error:
            log.warning("holds not expired", extra={"error": str(error)})
        await asyncio.sleep(EXPIRY_SECONDS)
