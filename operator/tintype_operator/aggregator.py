"""The one task that turns all objects into one catalog, and tells each what became of it.

It is level-triggered: every pass starts from the whole state, so a lost event costs time and never
correctness. A pass that fails is repeated as a whole, and a partial catalog is never published.
"""

import asyncio
import logging
import time
from collections.abc import Iterable

from tintype_catalog.bundle import BundleError
from tintype_catalog.catalog import Catalog
from tintype_catalog.compiler import compile_manifests
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import KubernetesError
from tintype_operator.cache import Cache
from tintype_operator.conditions import was_reported
from tintype_operator.publisher import Publisher
from tintype_operator.pulse import Pulse
from tintype_operator.reporter import RESOURCES, Reporter
from tintype_operator.settings import Settings

RETRY_SECONDS = 5.0
"""The pause after a pass that failed."""

HEARTBEAT_SECONDS = 10.0
"""How often the task shows that it lives while there is nothing to do."""

logger = logging.getLogger(__name__)


class Aggregator:
    """Hears of changes through `notice`, and acts on them in `run`."""

    def __init__(self, client: KubernetesClient, namespace: str, settings: Settings) -> None:
        """Prepare; nothing is read or written before `run`."""
        self._client = client
        self._namespace = namespace
        self._relist_seconds = settings.relist_seconds
        self._publisher = Publisher(client, namespace, settings.catalog_configmap)
        self._reporter = Reporter(client)
        self._cache = Cache()
        self._pulse = Pulse()
        self._relist_at = time.monotonic()
        self._alive_at = time.monotonic()

    def notice(self, event_type: str | None, found: KubernetesObject) -> None:
        """Take in an event; the type is None for what kopf listed, at first or after a gap.

        What was deleted in such a gap has no event, so only a list of our own can tell.
        """
        changed = self._cache.remove(found) if event_type == "DELETED" else self._cache.put(found)
        if event_type is None:
            self._relist_at = time.monotonic()
        if changed or event_type is None:
            self._pulse.set()

    async def run(self) -> None:
        """Keep catalog and conditions true until cancelled.

        Raises:
            NewerCatalogError: This operator is too old for what is published.
        """
        while True:
            try:
                await self._reconcile()
                await self._rest()
            except (KubernetesError, BundleError) as error:
                logger.warning("will try again in %d s: %s", RETRY_SECONDS, error)
                await asyncio.sleep(RETRY_SECONDS)

    def silent_seconds(self) -> float:
        """Return how long the task has shown no sign of life."""
        return time.monotonic() - self._alive_at

    async def _reconcile(self) -> None:
        self._alive_at = time.monotonic()
        if time.monotonic() >= self._relist_at:
            await self._relist()
        objects = self._cache.objects()
        published = await self._publisher.read()
        previous = inherited(published.catalog, objects) if published.catalog else None
        compilation = await asyncio.to_thread(compile_manifests, objects, previous)
        await self._publisher.publish(compilation.catalog, published)
        for written in await self._reporter.report(objects, compilation):
            self._cache.put(written)

    async def _relist(self) -> None:
        # Set before the lists: what asks for another one while they run gets another one.
        self._relist_at = time.monotonic() + self._relist_seconds
        try:
            lists = {
                kind: await self._client.list(resource, self._namespace)
                for kind, resource in RESOURCES.items()
            }
        except KubernetesError:
            self._relist_at = time.monotonic()
            raise
        for kind, listed in lists.items():
            self._cache.replace(kind, listed)

    async def _rest(self) -> None:
        """Return when there is a cause to act, or it is time for the next list."""
        while (left := self._relist_at - time.monotonic()) > 0:
            self._alive_at = time.monotonic()
            if await self._pulse.wait(min(left, HEARTBEAT_SECONDS)):
                return


def inherited(published: Catalog, objects: Iterable[KubernetesObject]) -> Catalog:
    """Return the published revisions that belong to the objects of today.

    An object that was deleted and made anew under its name begins without a status, by which it is
    told from its predecessor: nothing of a deleted object survives.
    """
    known = {(item["kind"], item["metadata"]["name"]) for item in objects if was_reported(item)}
    return Catalog(
        models=tuple(item for item in published.models if ("ImageModel", item.name) in known),
        bindings=tuple(
            item for item in published.bindings if ("ProviderBinding", item.name) in known
        ),
    )
