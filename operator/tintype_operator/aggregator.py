"""The task that compiles all objects into one catalog; the reporter writes their statuses.

It is level-triggered: every pass starts from the complete state, so a lost event costs time but not
correctness. A failed pass is repeated from its beginning, and a partial catalog is never published.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from tintype_catalog.bundle import BundleError
from tintype_catalog.catalog import Catalog
from tintype_catalog.compiler import compile_manifests
from tintype_catalog.credentials import misused_secrets
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import KubernetesError
from tintype_kubernetes.resources import SECRETS
from tintype_operator.compile import deletion_guard
from tintype_operator.compile.parse_cache import ParseCache, Parsed
from tintype_operator.known_models import KnownModels
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
from tintype_operator.watch.config_maps import Bundles, CaConfigMaps, named_config_maps
from tintype_operator.watch.debounce import Debounce
from tintype_operator.watch.store import RESOURCES, TASK, OnList, Store, offers_of

RETRY_SECONDS = 5.0
"""The pause after a failed pass."""

HEARTBEAT_SECONDS = 1.0
"""The period of the task's heartbeat while there is nothing to do, and the longest time after which
it notices that the next list is due earlier."""

logger = logging.getLogger(__name__)


class Aggregator:
    """Takes changes by `handle_event`, and publishes the catalog in `run`."""

    kinds = (*RESOURCES, SECRETS.kind)

    def __init__(
        self,
        client: KubernetesClient,
        namespace: str,
        settings: Settings,
        liveness: Liveness,
        owners: list[KubernetesObject] | None = None,
        retry_seconds: float = RETRY_SECONDS,
        on_list: OnList | None = None,
        models: KnownModels | None = None,
    ) -> None:
        """Read and write nothing before `run`.

        Args:
            client: The client to read and write with.
            namespace: The namespace of the objects.
            settings: The names of what is written, and the release to serve.
            liveness: Where heartbeats go.
            owners: The owner references of what is written.
            retry_seconds: The pause after a failed pass or report.
            on_list: What takes each complete list of models, or of bindings.
            models: What learns the models of each catalog.
        """
        self._models = models or KnownModels()
        self._retry_seconds = retry_seconds
        self._liveness = liveness
        self._store = Store(client, namespace, settings, liveness, on_list)
        managed = ManagedObjects(client, namespace, owners or ())
        self._publisher = CatalogPublisher(managed, settings.catalog_configmap)
        self._credentials = CredentialsSecret(managed, settings.credentials_secret)
        self._config_maps = CaConfigMaps(client, namespace)
        self._manage_credentials = settings.manage_credentials
        rollout = Rollout(Gateways(client, namespace, settings))
        self._reporter = StatusReporter(
            client,
            self._store.cache,
            self._publisher,
            rollout,
            self._liveness,
            retry_seconds,
            policy=settings.egress_policy,
        )
        self._parse_cache = ParseCache()
        self._debounce = Debounce()
        self.first_pass_done = asyncio.Event()
        """Set once a catalog was compiled from complete lists."""
        self._changed: dict[Key, str] = {}
        """What events told to be deleted or edited since the published catalog, with the version
        of each: an event during a pass belongs to the next one."""

    def handle_event(self, event_type: str | None, found: KubernetesObject) -> None:
        """Take an event; the type is None for what kopf listed, at the start or after a gap.

        There is no event for an object that was deleted during a gap, so a list must follow.
        """
        changed = self._store.receive(event_type, found)
        is_deletion = event_type == "DELETED"  # also of what a list has shown to be gone before
        if is_deletion or (changed and event_type is not None):
            self._changed[key_of(found)] = found["metadata"]["resourceVersion"]
        if event_type is None and found["kind"] != SECRETS.kind:
            self._store.relist_after_gap()
        if changed or self._store.seconds_left() <= 0:
            self._debounce.trigger()

    async def run(self) -> None:
        """Keep catalog and conditions current until cancelled.

        Raises:
            ExceptionGroup: It contains a NewerCatalogError: the published catalog has a newer
                schema.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reporter.run())
            tasks.create_task(self._config_maps.follow(self._debounce.trigger))
            await self._keep_publishing()

    async def _keep_publishing(self) -> None:
        while True:
            try:
                with RECONCILE_SECONDS.time():
                    await self._reconcile()
                RECONCILES.labels("success").inc()
                await self._wait_for_trigger()
            except KubernetesError as error:
                RECONCILES.labels("error").inc()
                self._liveness.restart_timers()
                logger.warning("will try again in %d s: %s", self._retry_seconds, error)
                await asyncio.sleep(self._retry_seconds)

    async def _reconcile(self) -> None:
        self._liveness.beat(TASK)
        await self._store.refresh()
        self._liveness.beat(TASK)
        objects, secrets, told = self._store.objects(), self._store.secrets(), dict(self._changed)
        published = await self._publisher.read()
        previous = inherited(published.catalog, objects) if published.catalog else None
        offers = offers_of(secrets) if self._manage_credentials else None
        bundles: Bundles = {}
        if self._manage_credentials:
            bundles = await self._config_maps.read(named_config_maps(objects, previous))
        compilation = await asyncio.to_thread(
            compile_manifests,
            objects,
            previous,
            offers,
            config_maps=bundles if self._manage_credentials else None,
            parse=self._parse,
        )
        self._parse_cache.forget_others(objects)
        files = gathered(compilation.catalog, secrets, bundles)
        misused = misused_secrets(published.catalog or Catalog(), offers or {})
        if self._manage_credentials:  # before the catalog, so that new bindings have credentials
            await self._credentials.write(files, held_back=misused)
        changed = self._changed.keys() | {key_of(item) for item in objects if not is_observed(item)}
        sequence, refusal = await self._publish(published, compilation.catalog, changed)
        if not refusal:
            self._changed = dict(self._changed.items() - told.items())
        if misused and not refusal:  # after it: the catalog before would send them to other hosts
            await self._credentials.write(files)
        generations = {item["metadata"]["uid"]: item["metadata"]["generation"] for item in objects}
        outcome = Outcome(
            compilation, sequence, generations, refusal, checks_secrets=self._manage_credentials
        )
        self._reporter.submit(outcome)
        self._models.learn(model.id for model in compilation.catalog.models)
        self.first_pass_done.set()

    def _parse(self, manifest: Mapping[str, Any]) -> Parsed:
        self._liveness.beat(TASK)  # the first pass parses all objects
        return self._parse_cache(manifest)

    async def _publish(
        self, published: Published, catalog: Catalog, changed: set[Key]
    ) -> tuple[int, str]:
        """Publish the catalog, and return the published sequence and the cause of a refusal."""
        sequence, refusal = published.sequence, ""
        if not published.loss_accepted:
            today = datetime.now(UTC).date()
            refusal = deletion_guard.refusal(published.catalog, catalog, changed, today)
        if refusal:
            command = self._publisher.accept_loss_command(published)
            refusal += f" To remove them, run: `{command}`."
        else:
            try:
                sequence = await self._publisher.publish(catalog, published)
            except BundleError as error:
                refusal = f"{error}, so the published catalog stays as it is; delete models"
        REFUSED.set(bool(refusal))
        if refusal:
            logger.error("publication refused", extra={"cause": refusal})
            self._store.relist_within(self._retry_seconds)
        return sequence, refusal

    async def _wait_for_trigger(self) -> None:
        """Return after a burst of events, or when the next list is due."""
        while (left := self._store.seconds_left()) > 0:
            self._liveness.beat(TASK)
            if await self._debounce.wait(min(left, HEARTBEAT_SECONDS)):
                return


def inherited(published: Catalog, objects: Iterable[KubernetesObject]) -> Catalog:
    """Return the published revisions of the objects that still exist.

    An object that was deleted and created again has no status yet, so it does not inherit the
    revision of its predecessor.
    """
    known = {(item["kind"], item["metadata"]["name"]) for item in objects if was_reported(item)}
    return Catalog(
        models=tuple(item for item in published.models if ("ImageModel", item.name) in known),
        bindings=tuple(
            item for item in published.bindings if ("ProviderBinding", item.name) in known
        ),
    )
