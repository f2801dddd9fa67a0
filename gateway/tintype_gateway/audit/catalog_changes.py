"""Records how a folder of manifests changes while a gateway serves it.

In a cluster the operator reports changes of models and bindings. Here the gateway compares each
catalog with the last one, after it serves it, so that loading takes no longer.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tintype_catalog.catalog import Binding, Catalog, Model
from tintype_gateway.ledger.changes import (
    Author,
    Difference,
    Document,
    Kind,
    ReportedChange,
    new_change_id,
)
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.operations.changes import ChangeOperations

BATCH = 20
"""How many changes are recorded at once: a few milliseconds of work."""

RETRY_SECONDS = 5.0

log = logging.getLogger(__name__)


def catalog_differences(before: Catalog, after: Catalog) -> Iterator[Difference]:
    """Yield how models and bindings differ, by their names."""
    yield from _differences("model", before.models, after.models)
    yield from _differences("binding", before.bindings, after.bindings)


def _differences(
    kind: Kind, before: Iterable[Model | Binding], after: Iterable[Model | Binding]
) -> Iterator[Difference]:
    old, new = _by_name(before), _by_name(after)
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was is now or was == now:
            continue
        action = "create" if was is None else "delete" if now is None else "update"
        yield Difference(
            action=action, kind=kind, name=name, before=_document(was), after=_document(now)
        )


def _by_name(items: Iterable[Model | Binding]) -> Mapping[str, Model | Binding]:
    return {item.name: item for item in items}


def _document(item: Model | Binding | None) -> Document | None:
    return None if item is None else item.model_dump(mode="json", exclude_defaults=True)


class CatalogChanges:
    """Records the changes of the catalogs that a folder brings, one after another."""

    def __init__(
        self, ledger: ChangeOperations, folder: Path, retry_seconds: float = RETRY_SECONDS
    ) -> None:
        self._ledger = ledger
        self._author = Author("folder", str(folder))
        self._retry_seconds = retry_seconds
        self._pending: tuple[Catalog, Catalog] | None = None
        self._changed = asyncio.Event()

    def changed(self, before: Catalog, after: Catalog) -> None:
        """Take note that a catalog has replaced another one."""
        first = before if self._pending is None else self._pending[0]
        self._pending = first, after
        self._changed.set()

    async def follow(self) -> None:
        """Record what has changed, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._record(await asyncio.to_thread(self._take))

    def _take(self) -> Sequence[Difference]:
        """Return what has changed. No catalog is kept longer: large ones take much memory."""
        pending, self._pending = self._pending, None
        return [] if pending is None else list(catalog_differences(*pending))

    async def _record(self, differences: Sequence[Difference]) -> None:
        for start in range(0, len(differences), BATCH):
            batch = differences[start : start + BATCH]
            await self._record_batch([self._report(difference) for difference in batch])

    def _report(self, difference: Difference) -> ReportedChange:
        now = datetime.now(UTC)
        return ReportedChange(
            id=new_change_id(), at=now, author=self._author, difference=difference
        )

    async def _record_batch(self, reported: Sequence[ReportedChange]) -> None:
        """Record changes once the ledger can be used."""
        while True:
            try:
                # Other gateways with the same folder see the same.
                await self._ledger.record_changes(reported, only_new_states=True)
                return
            except LedgerError as error:
                log.warning("catalog changes not recorded", extra={"error": str(error)})
                await asyncio.sleep(self._retry_seconds)
