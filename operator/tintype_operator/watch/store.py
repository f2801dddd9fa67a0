"""The objects of the release and the Secrets of the namespace, as the API server has them."""

import gc
import time

from tintype_kubernetes.client import KubernetesClient, KubernetesObject, ObjectList
from tintype_kubernetes.errors import KubernetesError
from tintype_kubernetes.resources import IMAGE_MODELS, PROVIDER_BINDINGS, SECRETS
from tintype_operator.liveness import Liveness
from tintype_operator.metrics import OBJECTS, RELIST_AGE
from tintype_operator.settings import Settings
from tintype_operator.watch.cache import Cache, slimmed
from tintype_operator.watch.secrets import NOT_OF_HELM, stripped

RESOURCES = {resource.kind: resource for resource in (IMAGE_MODELS, PROVIDER_BINDINGS)}
"""The kinds that a catalog is made of."""

RELEASE_LABEL = "tintype.dev/release"


class Store:
    """Fed by events, and corrected by lists."""

    def __init__(
        self, client: KubernetesClient, namespace: str, settings: Settings, liveness: Liveness
    ) -> None:
        """Begin empty: nothing may be concluded before the first `refresh`."""
        self._client = client
        self._namespace = namespace
        self._settings = settings
        self._liveness = liveness
        self._secrets = Cache()
        self._relist_at = time.monotonic()
        self._listed_at = time.monotonic()
        self.cache = Cache()
        RELIST_AGE.set_function(lambda: time.monotonic() - self._listed_at)

    def objects(self) -> list[KubernetesObject]:
        """Return the models and bindings of this release."""
        return self.cache.objects()

    def secrets(self) -> list[KubernetesObject]:
        """Return the namespace's Secrets, without what is no credential."""
        return self._secrets.objects()

    def take(self, event_type: str | None, found: KubernetesObject) -> bool:
        """Take an event in, and return whether it changes anything."""
        self._liveness.heard(found)
        if found["kind"] != SECRETS.kind:
            gone = event_type == "DELETED" or not self._is_ours(found)
            return self.cache.remove(found) if gone else self.cache.put(slimmed(found))
        if not self._is_source(found):
            return False
        secret = self._stripped(found)
        gone = event_type == "DELETED"
        return self._secrets.remove(secret) if gone else self._secrets.put(secret)

    def seconds_left(self) -> float:
        """Return how long it is until the next list."""
        return self._relist_at - time.monotonic()

    def relist_soon(self) -> None:
        """List anew in the next pass."""
        self._relist_at = time.monotonic()

    def relist_within(self, seconds: float) -> None:
        """List anew after that time at the latest."""
        self._relist_at = min(self._relist_at, time.monotonic() + seconds)

    async def refresh(self) -> None:
        """List everything anew, if it is time.

        Raises:
            KubernetesError: A list is incomplete, so none counts.
        """
        if self.seconds_left() > 0:
            return
        # Set before the lists: what asks for another one while they run gets another one.
        self._relist_at = time.monotonic() + self._settings.relist_seconds
        try:
            await self._relist()
        except KubernetesError:
            self.relist_soon()
            raise

    async def _relist(self) -> None:
        lists = {
            kind: await self._client.list(resource, self._namespace, transform=slimmed)
            for kind, resource in RESOURCES.items()
        }
        secrets = await self._list_secrets() if self._settings.manage_credentials else None
        for kind, listed in lists.items():
            ours = tuple(item for item in listed.items if self._is_ours(item))
            self.cache.replace(kind, ObjectList(ours, listed.resource_version))
            self._liveness.listed(kind, ours)
            OBJECTS.labels(kind).set(len(ours))
        if secrets is not None:
            self._secrets.replace(SECRETS.kind, secrets)
            self._liveness.listed(SECRETS.kind, secrets.items)
        self._listed_at = time.monotonic()
        # What is known now lives long: to search it for garbage would take longer than a pass.
        gc.collect()
        gc.freeze()

    async def _list_secrets(self) -> ObjectList:
        listed = await self._client.list(SECRETS, self._namespace, field_selector=NOT_OF_HELM)
        sources = tuple(self._stripped(item) for item in listed.items if self._is_source(item))
        return ObjectList(sources, listed.resource_version)

    def _stripped(self, secret: KubernetesObject) -> KubernetesObject:
        require_opt_in = self._settings.require_credentials_opt_in
        return stripped(secret, require_opt_in=require_opt_in)

    def _is_ours(self, found: KubernetesObject) -> bool:
        labels = found["metadata"].get("labels") or {}
        return bool(labels.get(RELEASE_LABEL, "") == self._settings.release)

    def _is_source(self, secret: KubernetesObject) -> bool:
        """Leave out the Secret that we write, or else every write would be a change."""
        is_own = secret["metadata"]["name"] == self._settings.credentials_secret
        return not is_own and not str(secret.get("type", "")).startswith("helm.sh/")
