"""The task that turns all objects into one catalog; another one tells each what became of it.

It is level-triggered: every pass starts from the whole state, so a lost event costs time and never
correctness. A pass that fails is repeated as a whole, and a partial catalog is never published.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from tintype_catalog.bundle import BundleError
from tintype_catalog.catalog import Catalog
from tintype_catalog.compiler import compile_manifests
from tintype_catalog.credentials import misused_secrets
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import KubernetesError
from tintype_kubernetes.resources import SECRETS
from tintype_operator.compile import deletion_guard
from tintype_operator.compile.parse_cache import ParseCache
from tintype_operator.liveness import Liveness
from tintype_operator.metrics import RECONCILE_SECONDS, RECONCILES, REFUSED
from tintype_operator.publish.catalog import CatalogPublisher, Published
from tintype_operator.publish.credentials import CredentialsSecret, gathered
from tintype_operator.publish.managed_objects import ManagedObjects
from tintype_operator.settings import Settings
from tintype_operator.status.builder import Outcome
from tintype_operator.status.conditions import is_observed, was_reported
from tintype_operator.status.gateways import Gateways
from tintype_operator.status.reporter import StatusReporter
from tintype_operator.status.rollout import Rollout
from tintype_operator.watch.cache import Key, key_of
from tintype_operator.watch.debounce import Debounce
from tintype_operator.watch.secrets import offers_of
from tintype_operator.watch.store import Store

TASK = "publishing"
"""The name of the task that publishes, for the liveness."""

RETRY_SECONDS = 5.0
"""The pause after a pass that failed."""

HEARTBEAT_SECONDS = 10.0
"""How often the task shows that it lives while there is nothing to do."""

logger = logging.getLogger(__name__)


class Aggregator:
    """Hears of changes through `notice`, and acts on them in `run`."""

    def __init__(
        self,
        client: KubernetesClient,
        namespace: str,
        settings: Settings,
        liveness: Liveness,
        owners: list[KubernetesObject] | None = None,
    ) -> None:
        """Prepare; nothing is read or written before `run`."""
        self._liveness = liveness
        self._store = Store(client, namespace, settings, liveness)
        own = ManagedObjects(client, namespace, owners or ())
        self._publisher = CatalogPublisher(own, settings.catalog_configmap)
        self._credentials = CredentialsSecret(own, settings.credentials_secret)
        self._manage_credentials = settings.manage_credentials
        rollout = Rollout(Gateways(client, namespace, settings))
        self._reporter = StatusReporter(
            client, self._store.cache, self._publisher, rollout, self._liveness
        )
        self._parse_cache = ParseCache()
        self._debounce = Debounce()
        self.began = asyncio.Event()
        """Set once everything was listed and compiled."""
        self._touched: set[Key] = set()

    def notice(self, event_type: str | None, found: KubernetesObject) -> None:
        """Take in an event; the type is None for what kopf listed, at first or after a gap.

        What was deleted in such a gap has no event, so only a list of our own can tell.
        """
        changed = self._store.take(event_type, found)
        if changed and event_type is not None:
            self._touched.add(key_of(found))
        if event_type is None and found["kind"] != SECRETS.kind:
            self._store.relist_soon()
        if changed or event_type is None:
            self._debounce.set()

    async def run(self) -> None:
        """Keep catalog and conditions true until cancelled.

        Raises:
            ExceptionGroup: Of a NewerCatalogError: this operator is too old for what is published.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reporter.run())
            await self._keep_publishing()

    async def _keep_publishing(self) -> None:
        while True:
            try:
                with RECONCILE_SECONDS.time():
                    await self._reconcile()
                RECONCILES.labels("success").inc()
                await self._rest()
            except KubernetesError as error:
                RECONCILES.labels("error").inc()
                self._liveness.excuse()
                logger.warning("will try again in %d s: %s", RETRY_SECONDS, error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _reconcile(self) -> None:
        self._liveness.beat(TASK)
        await self._store.refresh()
        self._liveness.beat(TASK)
        objects, secrets = self._store.objects(), self._store.secrets()
        published = await self._publisher.read()
        previous = inherited(published.catalog, objects) if published.catalog else None
        offers = offers_of(secrets) if self._manage_credentials else None
        compilation = await asyncio.to_thread(
            compile_manifests, objects, previous, offers, parse=self._parse_cache
        )
        self._parse_cache.forget_others(objects)
        files = gathered(compilation.catalog, secrets)
        misused = misused_secrets(published.catalog or Catalog(), offers or {})
        if self._manage_credentials:  # first, so that no binding arrives before its credentials
            await self._credentials.write(files, held_back=misused)
        touched = self._touched | {key_of(item) for item in objects if not is_observed(item)}
        sequence, refusal = await self._publish(published, compilation.catalog, touched)
        if misused and not refusal:  # last, since what was published sent them to other hosts
            await self._credentials.write(files)
        generations = {item["metadata"]["uid"]: item["metadata"]["generation"] for item in objects}
        self._reporter.submit(Outcome(compilation, sequence, generations, refusal))
        self.began.set()

    async def _publish(
        self, published: Published, catalog: Catalog, touched: set[Key]
    ) -> tuple[int, str]:
        """Publish the catalog and return its sequence, or the one before and why it stays."""
        sequence, refusal = published.sequence, ""
        if not published.may_lose:
            today = datetime.now(UTC).date()
            refusal = deletion_guard.refusal(published.catalog, catalog, touched, today)
        if refusal:
            refusal += f" If they are meant to go: `{self._publisher.consent(published)}`."
        else:
            try:
                sequence = await self._publisher.publish(catalog, published)
                self._touched -= touched
            except BundleError as error:
                refusal = f"{error}, so the published catalog stays as it is; delete models"
        REFUSED.set(bool(refusal))
        if refusal:
            logger.error("publication refused", extra={"cause": refusal})
            self._store.relist_within(RETRY_SECONDS)
        return sequence, refusal

    async def _rest(self) -> None:
        """Return when there is a cause to act, or it is time for the next list."""
        while (left := self._store.seconds_left()) > 0:
            self._liveness.beat(TASK)
            if await self._debounce.wait(min(left, HEARTBEAT_SECONDS)):
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
