"""The current catalog: one reference that is replaced atomically."""

import asyncio
import logging
import time
from dataclasses import dataclass

from tintype_catalog.catalog import Catalog
from tintype_gateway.catalog.metrics import show
from tintype_gateway.catalog.snapshot import Snapshot
from tintype_gateway.errors import UnavailableError
from tintype_gateway.observability.metrics import CATALOG_LOADS, CATALOG_SEQUENCE, CATALOG_SOURCE

log = logging.getLogger(__name__)

LAST_GOOD = "last-good"
"""The source of the last good catalog on disk, until a channel delivers one."""


@dataclass(frozen=True)
class CatalogStatus:
    """The catalog part of `GET /status`."""

    sequence: int | None
    digest: str | None
    loaded_at: float | None
    """Unix seconds."""

    last_error: str | None
    """The problems of the last deliveries."""

    source: str | None
    """The channel that delivered it."""


class CatalogStore:
    """Holds the snapshot for new requests. After any failure, the last good one stays."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._source: str | None = None
        self._loaded_at: float | None = None
        self._errors: dict[str, str] = {}
        self.arrived = asyncio.Event()
        """Set once there is a catalog."""

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

    @property
    def is_followed(self) -> bool:
        """Whether a channel delivered the served catalog, so that the next one is an update."""
        return self._source not in (None, LAST_GOOD)

    def offer(self, catalog: Catalog, sequence: int, source: str) -> bool:
        """Serve a catalog if it is newer than the served one; return whether it is."""
        return self.swap(Snapshot.of(catalog, sequence), source)

    def swap(self, snapshot: Snapshot, source: str) -> bool:
        """Serve a snapshot if it is newer than the served one; return whether it is.

        Two channels deliver the same ConfigMap, so that an older version may arrive later: the
        highest sequence wins. A delivery by a channel always replaces a catalog from disk.
        """
        self._errors.pop(source, None)
        served = self._snapshot if self.is_followed else None
        if served is not None and snapshot.sequence <= served.sequence:
            return False
        self._snapshot, self._source, self._loaded_at = snapshot, source, time.time()
        self.arrived.set()
        show(snapshot, self._loaded_at)
        self._tell(snapshot, source)
        return True

    def reject(self, error: Exception, source: str) -> None:
        """Record that a delivery cannot be served. The last good catalog stays."""
        self._errors[source] = f"{source}: {error}"
        CATALOG_LOADS.labels(source, "rejected").inc()
        log.error("catalog rejected", extra={"source": source, "error": str(error)})

    def status(self) -> CatalogStatus:
        """Return the catalog part of `GET /status`."""
        served = self._snapshot
        return CatalogStatus(
            sequence=None if served is None else served.sequence,
            digest=None if served is None else served.revision,
            loaded_at=self._loaded_at,
            last_error="; ".join(self._errors.values()) or None,
            source=self._source,
        )

    def _tell(self, snapshot: Snapshot, source: str) -> None:
        CATALOG_LOADS.labels(source, "loaded").inc()
        CATALOG_SEQUENCE.set(snapshot.sequence)
        CATALOG_SOURCE.clear()
        CATALOG_SOURCE.labels(source).set(1)
        log.info(
            "catalog loaded",
            extra={
                "source": source,
                "sequence": snapshot.sequence,
                "revision": snapshot.revision,
                "models": len(snapshot.catalog.models),
                "bindings": len(snapshot.catalog.bindings),
            },
        )
