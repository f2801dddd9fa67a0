"""The current catalog: one reference that is swapped as a whole, or left as it is."""

import logging
import time
from dataclasses import dataclass

from tintype_catalog.catalog import Catalog
from tintype_gateway.catalog.snapshot import Snapshot
from tintype_gateway.errors import UnavailableError
from tintype_gateway.metrics import CATALOG_LOADS, CATALOG_SEQUENCE

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CatalogStatus:
    """What the gateway says of its catalog at `GET /status`."""

    sequence: int | None
    digest: str | None
    loaded_at: float | None
    """Unix seconds."""

    last_error: str | None


class CatalogStore:
    """Holds the snapshot that new requests start with. Whatever fails, the last good one stays."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._loaded_at: float | None = None
        self._last_error: str | None = None

    def current(self) -> Snapshot:
        """Return the snapshot for a new request.

        Raises:
            UnavailableError: No catalog has arrived yet.
        """
        if self._snapshot is None:
            raise UnavailableError(
                "the gateway has no catalog yet", code="catalog_unavailable", retry=True
            )
        return self._snapshot

    @property
    def catalog(self) -> Catalog | None:
        """The catalog that is served, None before the first one."""
        return None if self._snapshot is None else self._snapshot.catalog

    def offer(self, catalog: Catalog, sequence: int, source: str) -> bool:
        """Serve a catalog if it is newer than the one that is served, and say whether it was.

        Two channels deliver the same ConfigMap, so an older one arrives now and then: the highest
        sequence wins.
        """
        if self._snapshot is not None and sequence <= self._snapshot.sequence:
            return False
        snapshot = Snapshot.of(catalog, sequence)
        self._snapshot, self._loaded_at, self._last_error = snapshot, time.time(), None
        CATALOG_LOADS.labels(source, "loaded").inc()
        CATALOG_SEQUENCE.set(sequence)
        log.info(
            "catalog loaded",
            extra={
                "source": source,
                "sequence": sequence,
                "revision": snapshot.revision,
                "models": len(catalog.models),
                "bindings": len(catalog.bindings),
            },
        )
        return True

    def reject(self, error: Exception, source: str) -> None:
        """Note that what a channel delivered cannot be served. The last good catalog stays."""
        self._last_error = f"{source}: {error}"
        CATALOG_LOADS.labels(source, "rejected").inc()
        log.error("catalog rejected", extra={"source": source, "error": str(error)})

    def status(self) -> CatalogStatus:
        """Return what `GET /status` says."""
        served = self._snapshot
        return CatalogStatus(
            sequence=None if served is None else served.sequence,
            digest=None if served is None else served.revision,
            loaded_at=self._loaded_at,
            last_error=self._last_error,
        )
