"""Checks, serves and stores the files of a published catalog, from any channel."""

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from pydantic import Base64Bytes, TypeAdapter

from tintype_catalog.bundle import BundleError, unpack
from tintype_catalog.reading import CatalogReader
from tintype_gateway.catalog.snapshot import Snapshot
from tintype_gateway.catalog.store import LAST_GOOD, CatalogStore
from tintype_gateway.observability.metrics import CATALOG_PROPAGATION, CATALOG_PUBLISHED
from tintype_gateway.runtime.allocator import exclude_living

log = logging.getLogger(__name__)

_FILES = TypeAdapter(dict[str, Base64Bytes])


class LastGood:
    """The last good catalog on disk: one file for all files of a catalog, replaced atomically."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mapping[str, bytes] | None:
        """Return the files of the catalog, or None if they cannot be read."""
        try:
            return _FILES.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.warning("last good catalog not read", extra={"error": str(error)})
            return None

    def write(self, files: Mapping[str, bytes]) -> None:
        """Replace the catalog. An error is only logged: the gateway can serve without the file."""
        replacement = self._path.with_suffix(f".{os.getpid()}")
        try:
            with replacement.open("wb") as stream:
                stream.write(_FILES.dump_json(dict(files)))
                stream.flush()
                os.fsync(stream.fileno())
            replacement.replace(self._path)
        except OSError as error:
            log.warning("last good catalog not stored", extra={"error": str(error)})


class CatalogLoader:
    """Checks catalogs that arrive, serves valid ones, and stores them for a restart."""

    def __init__(self, store: CatalogStore, last_good: LastGood | None = None) -> None:
        self._store = store
        self._last_good = last_good
        self._reader = CatalogReader(after_batch=exclude_living)

    async def restore(self) -> None:
        """Serve the stored catalog, if there is one, until a channel delivers another."""
        if self._last_good is None:
            return
        files = await asyncio.to_thread(self._last_good.read)
        if files is not None:
            await self._serve(files, LAST_GOOD)

    async def load(self, files: Mapping[str, bytes], source: str) -> None:
        """Serve a catalog if it is valid and newer than the served one."""
        if await self._serve(files, source) and self._last_good is not None:
            await asyncio.to_thread(self._last_good.write, files)

    def reject(self, error: Exception, source: str) -> None:
        """Record that a channel exists but cannot be read."""
        self._store.reject(error, source)

    async def _serve(self, files: Mapping[str, bytes], source: str) -> bool:
        try:
            snapshot, published_at = await asyncio.to_thread(self._snapshot, files)
        except BundleError as error:
            self._store.reject(error, source)
            return False
        is_update = self._store.is_followed
        if not self._store.swap(snapshot, source):
            return False
        if published_at is not None:
            _observe(published_at.timestamp(), source, is_update=is_update)
        return True

    def _snapshot(self, files: Mapping[str, bytes]) -> tuple[Snapshot, datetime | None]:
        manifest, catalog = unpack(files, self._reader.read)
        snapshot = Snapshot.of(catalog, manifest.sequence, manifest.sha256)
        return snapshot.prepared(), manifest.published_at


def _observe(published: float, source: str, *, is_update: bool) -> None:
    CATALOG_PUBLISHED.set(published)
    if is_update:
        CATALOG_PROPAGATION.labels(source).observe(max(0.0, time.time() - published))
