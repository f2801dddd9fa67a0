"""One gateway process: it starts, serves until a signal, drains and stops."""

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path

import tintype_catalog
from tintype_gateway.accounts_folder.following import follow_accounts
from tintype_gateway.audit.admin_settings import AdminSettings
from tintype_gateway.audit.catalog_changes import CatalogChanges
from tintype_gateway.audit.lines import AuditLines, write_lines
from tintype_gateway.audit.retention import forget_regularly
from tintype_gateway.catalog.folder import ManifestFolder
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
from tintype_gateway.jobs.overdue import fail_overdue_jobs
from tintype_gateway.jobs.retention import count_queue, forget_expired_jobs
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.observability import access_log
from tintype_gateway.observability.metrics import HOLDS_EXPIRED
from tintype_gateway.runtime.allocator import return_kept_regularly, spare_collector
from tintype_gateway.runtime.batches import work_in_batches
from tintype_gateway.runtime.loop_lag import observe_lag
from tintype_gateway.settings import GatewaySettings
from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.upstream.credentials import Credentials
from tintype_gateway.upstream.health_probes import HealthProbes
from tintype_gateway.webhooks.audit import into_outbox
from tintype_gateway.webhooks.budgets import count_alerts

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
        sources = await _sources(settings, gateway, simulator, stack)
        sources += _accounts(settings, gateway.ledger)
        sources += await follow_credentials(settings, credentials, stack)
        if (access := gateway.admin.access) is not None:
            sources.append(access.tokens.follow())
        sources.append(gateway.webhooks.run())
        if not settings.webhook_url:
            sources.append(count_alerts(gateway.ledger))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        for work in (*_chores(gateway, settings), *_audit(gateway, settings), *sources):
            stack.callback(tasks.create_task(work).cancel)
        if gateway.worker is not None:
            await stack.enter_async_context(gateway.worker.running(gateway.catalogs.arrived))
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
        if gateway.worker is not None:
            gateway.worker.stop()
        log.info("draining")


def _chores(gateway: Gateway, settings: GatewaySettings) -> tuple[Following, ...]:
    """Return the background tasks of the process."""
    return (
        _expire_holds(gateway.ledger),
        gateway.pipeline.delivery_receipts.report(gateway.ledger),
        gateway.jobs.changes.follow(),
        count_queue(gateway.ledger),
        fail_overdue_jobs(gateway.ledger, gateway.jobs.payloads, settings.jobs_max_queued_seconds),
        forget_expired_jobs(gateway.ledger, gateway.pipeline.images.store),
        HealthProbes(
            gateway.catalogs, gateway.pipeline.sessions, gateway.pipeline.retrier.circuits
        ).run(),
        work_in_batches(),
        observe_lag(),
        spare_collector(gateway.catalogs.arrived),
        return_kept_regularly(),
    )


def _audit(gateway: Gateway, settings: GatewaySettings) -> Iterator[Following]:
    """Yield the background tasks of the audit log."""
    sinks = [into_outbox(gateway.ledger)] if settings.webhook_audit else []
    sinks += [write_lines] if settings.audit_lines else []
    yield AuditLines(gateway.ledger, sinks).follow()
    if settings.audit_retention_days is not None:
        kept = timedelta(days=settings.audit_retention_days)
        yield forget_regularly(gateway.ledger, kept)
    if (access := gateway.admin.access) is not None:
        accounts = settings.admin_service_accounts
        yield AdminSettings(gateway.ledger, access.tokens, accounts).follow()


async def _check(ledger: Ledger) -> None:
    """Log at the start if the ledger is unavailable. It may recover, so requests are accepted."""
    try:
        await ledger.check()
    except LedgerError as error:
        log.error("the ledger cannot be used", extra={"error": str(error)})


def _require_folders(settings: GatewaySettings) -> None:
    for name in (
        "catalog_dir",
        "catalog_overlay",
        "catalog_mount",
        "credentials_dir",
        "admin_tokens_dir",
    ):
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
    settings: GatewaySettings, gateway: Gateway, simulator: str | None, stack: AsyncExitStack
) -> list[Following]:
    """Return the tasks that update the catalog: the channels of a published one, or a folder."""
    published = await follow_catalog(settings, gateway.catalogs, stack)
    if published:
        return published
    folder = _folder(settings, simulator)
    changes = CatalogChanges(gateway.ledger, folder.path)
    return [folder.follow(gateway.catalogs, changes.changed), changes.follow()]


def _accounts(settings: GatewaySettings, ledger: Ledger) -> list[Following]:
    """Return the task that applies the accounts in a folder of the user, if there is one."""
    if settings.catalog_dir is None:
        return []
    return [follow_accounts(_folder(settings, None), ledger, settings.data_dir)]


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
