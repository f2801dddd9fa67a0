"""Applies the accounts of a folder at the start, after each change, and when time requires it."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tintype_accounts.backend import BackendError
from tintype_gateway.accounts_folder.applying import RETRY, AccountsFolder
from tintype_gateway.accounts_folder.ledger_backend import LedgerBackend
from tintype_gateway.accounts_folder.manifests import read_manifests
from tintype_gateway.accounts_folder.removing import Removals
from tintype_gateway.catalog.folder import FolderError, ManifestFolder
from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.runtime.folder_watch import looks

log = logging.getLogger(__name__)

LONGEST_SECONDS = 600.0
"""After this time everything is applied again, as somebody may have changed the ledger."""


async def follow_accounts(
    folder: ManifestFolder,
    ledger: Ledger,
    data_dir: Path,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Keep the ledger as the folder says, until cancelled.

    Args:
        folder: The folder of manifests.
        ledger: The ledger of this gateway.
        data_dir: The folder in which keys are written, below `keys/`.
        now: The clock.
    """
    backend = LedgerBackend(ledger)
    applying = AccountsFolder(backend, data_dir, now)
    removals = Removals(backend, data_dir)
    changed = asyncio.Event()

    async def apply() -> datetime:
        manifests = await asyncio.to_thread(read_manifests, folder)
        if manifests is None:
            return now() + timedelta(seconds=LONGEST_SECONDS)
        times = [await applying.apply(manifests), await removals.end_missing(manifests, now())]
        latest = now() + timedelta(seconds=LONGEST_SECONDS)
        return min(time for time in (*times, latest) if time is not None)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_watch(folder, changed))
        while True:
            changed.clear()
            try:
                pause = (await apply() - now()).total_seconds()
            except (BackendError, FolderError) as error:
                log.warning("accounts of the folder not applied", extra={"error": str(error)})
                pause = RETRY.total_seconds()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, pause)):
                    await changed.wait()


async def _watch(folder: ManifestFolder, changed: asyncio.Event) -> None:
    async for _ in looks(folder.path, *folder.overlays):
        changed.set()
