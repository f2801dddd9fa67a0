"""The objects of the release and the Secrets of the namespace, as the API server has them."""

import time
from collections.abc import Callable, Iterable

from tintype_catalog.allowed_hosts import listed
from tintype_catalog.connection import CERTIFICATE_KEYS, MAX_CA_BYTES, is_ca_key
from tintype_catalog.credentials import (
    ALLOWED_HOSTS,
    CREDENTIAL_KEYS,
    OPT_IN_LABEL,
    Offer,
    Secrets,
)
from tintype_catalog.extra_headers import MAX_HEADER_BYTES, is_header_name
from tintype_kubernetes.client import KubernetesClient, KubernetesObject, ObjectList
from tintype_kubernetes.errors import KubernetesError
from tintype_kubernetes.resources import IMAGE_MODELS, PROVIDER_BINDINGS, SECRETS
from tintype_operator.liveness import Liveness
from tintype_operator.memory import settle
from tintype_operator.metrics import OBJECTS, RELIST_AGE
from tintype_operator.settings import Settings
from tintype_operator.watch.cache import Cache, trimmed

RESOURCES = {resource.kind: resource for resource in (IMAGE_MODELS, PROVIDER_BINDINGS)}
"""The kinds that a catalog is compiled from."""

OnList = Callable[[str, ObjectList], None]
"""Takes a kind and a complete list of its objects."""

TASK = "publishing"
"""The name under which the task that lists and publishes sends heartbeats."""

RELEASE_LABEL = "tintype.dev/release"

PAUSES_AFTER_LIST = 9.0
"""The least pause before a list because of a gap, as a multiple of the duration of the last list:
kopf reports the existing objects one after another, and each of them asks for a list."""

NOT_HELM_RELEASES = "type!=helm.sh/release.v1"
"""The field selector that leaves out the Secrets of Helm: up to a megabyte for each release."""


class Store:
    """Updated by events, and corrected by complete lists."""

    def __init__(
        self,
        client: KubernetesClient,
        namespace: str,
        settings: Settings,
        liveness: Liveness,
        on_list: OnList | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start empty; the content is meaningless before the first `refresh`.

        `on_list` takes each complete list of this release's models, or of its bindings.
        """
        self._clock = clock
        self._client = client
        self._namespace = namespace
        self._settings = settings
        self._liveness = liveness
        self._on_list = on_list
        self._secrets = Cache()
        self._relist_at = self._clock()
        self._listed_at = self._clock()
        self._list_seconds = 0.0
        self.cache = Cache()
        RELIST_AGE.set_function(lambda: self._clock() - self._listed_at)

    def objects(self) -> list[KubernetesObject]:
        """Return the models and bindings of this release."""
        return self.cache.objects()

    def secrets(self) -> list[KubernetesObject]:
        """Return the Secrets of the namespace, each reduced by `credential_fields`."""
        return self._secrets.objects()

    def receive(self, event_type: str | None, found: KubernetesObject) -> bool:
        """Apply an event, and return whether the catalog may have to change."""
        self._liveness.event_received(found)
        if found["kind"] != SECRETS.kind:
            gone = event_type == "DELETED" or not is_in_release(found, self._settings.release)
            return self.cache.remove(found) if gone else self.cache.put(trimmed(found))
        if not self._is_source(found):
            return False
        secret = self._credential_fields(found)
        gone = event_type == "DELETED"
        return self._secrets.remove(secret) if gone else self._secrets.put(secret)

    def seconds_left(self) -> float:
        """Return the time until the next list, in seconds."""
        return self._relist_at - self._clock()

    def relist_soon(self) -> None:
        """List again in the next pass."""
        self._relist_at = self._clock()

    def relist_after_gap(self) -> None:
        """List again soon, because no event tells what was deleted during a gap of a watch."""
        least = self._listed_at + PAUSES_AFTER_LIST * self._list_seconds
        self._relist_at = min(self._relist_at, max(self._clock(), least))

    def relist_within(self, seconds: float) -> None:
        """List again after `seconds` at the latest."""
        self._relist_at = min(self._relist_at, self._clock() + seconds)

    async def refresh(self) -> None:
        """List everything again, if the next list is due.

        Raises:
            KubernetesError: A list failed; the content stays as it was.
        """
        if self.seconds_left() > 0:
            return
        # Set before the lists, so that a `relist_soon` while they run is not lost.
        self._relist_at = self._clock() + self._settings.relist_seconds
        try:
            await self._relist()
        except KubernetesError:
            self.relist_soon()
            raise

    async def _relist(self) -> None:
        began = self._clock()
        lists = {
            kind: await self._client.list(resource, self._namespace, transform=self._kept)
            for kind, resource in RESOURCES.items()
        }
        secrets = await self._list_secrets() if self._settings.manage_credentials else None
        for kind, objects in lists.items():
            release = self._settings.release
            items = tuple(item for item in objects.items if is_in_release(item, release))
            listed = ObjectList(items, objects.resource_version)
            self.cache.replace(kind, listed)
            if self._on_list is not None:
                self._on_list(kind, listed)
            self._liveness.expect_events(kind, items)
            OBJECTS.labels(kind).set(len(items))
        if secrets is not None:
            self._secrets.replace(SECRETS.kind, secrets)
            self._liveness.expect_events(SECRETS.kind, secrets.items)
        self._listed_at = self._clock()
        self._list_seconds = self._listed_at - began
        settle()

    def _kept(self, found: KubernetesObject) -> KubernetesObject:
        self._liveness.beat(TASK)  # a list has many pages
        return trimmed(found)

    async def _list_secrets(self) -> ObjectList:
        objects = await self._client.list(
            SECRETS, self._namespace, field_selector=NOT_HELM_RELEASES
        )
        sources = tuple(
            self._credential_fields(item) for item in objects.items if self._is_source(item)
        )
        return ObjectList(sources, objects.resource_version)

    def _credential_fields(self, secret: KubernetesObject) -> KubernetesObject:
        require_opt_in = self._settings.require_credentials_opt_in
        return credential_fields(secret, require_opt_in=require_opt_in)

    def _is_source(self, secret: KubernetesObject) -> bool:
        """Exclude the Secret that the operator writes: each write would count as a change."""
        is_written_here = secret["metadata"]["name"] == self._settings.credentials_secret
        return not is_written_here and not str(secret.get("type", "")).startswith("helm.sh/")


def is_in_release(found: KubernetesObject, release: str) -> bool:
    """Return whether a release serves an object; an empty one serves those without the label."""
    labels = found["metadata"].get("labels") or {}
    return bool(labels.get(RELEASE_LABEL, "") == release)


def credential_fields(secret: KubernetesObject, *, require_opt_in: bool) -> KubernetesObject:
    """Return only the fields of a Secret that a gateway may need.

    A Secret without the opt-in label keeps its metadata and no data, so that a label that is added
    later counts as a change. Without `require_opt_in` every Secret is offered, to any host.
    """
    metadata = secret["metadata"]
    is_offered = (metadata.get("labels") or {}).get(OPT_IN_LABEL) == "true" or not require_opt_in
    hosts = (metadata.get("annotations") or {}).get(ALLOWED_HOSTS, "")
    data = (secret.get("data") or {}) if is_offered else {}
    return {
        "kind": SECRETS.kind,
        "metadata": {name: metadata[name] for name in ("name", "uid", "resourceVersion")},
        "isOffered": is_offered,
        "hosts": listed(hosts) if require_opt_in else None,
        "data": {key: value for key, value in data.items() if _may_be_read(key, value)},
        "others": [key for key, value in data.items() if not _may_be_read(key, value)],
    }


def _may_be_read(key: str, value: str) -> bool:
    """Return whether gateways may need the base64 value of a key."""
    size = len(value) * 3 // 4 - value[-2:].count("=")
    if key in CREDENTIAL_KEYS:
        return size > 0
    is_tls = is_ca_key(key) or key in CERTIFICATE_KEYS
    most = MAX_CA_BYTES if is_tls else MAX_HEADER_BYTES if is_header_name(key) else 0
    return 0 < size <= most


def offers_of(secrets: Iterable[KubernetesObject]) -> Secrets:
    """Return the keys and hosts that each Secret offers to bindings, by the Secret's name."""
    return {
        secret["metadata"]["name"]: Offer(
            frozenset(secret["data"]), secret["hosts"], frozenset(secret["others"])
        )
        for secret in secrets
        if secret["isOffered"]
    }
