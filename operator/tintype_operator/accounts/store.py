"""The Accounts, ApiKeys and CreditGrants of the release, as the API server has them."""

from collections.abc import Callable

from tintype_kubernetes.client import KubernetesClient, KubernetesObject, ObjectList
from tintype_kubernetes.resources import ACCOUNTS, API_KEYS, CREDIT_GRANTS
from tintype_operator.accounts.authors import WRITER, last_writer
from tintype_operator.liveness import Liveness
from tintype_operator.metrics import OBJECTS
from tintype_operator.watch.cache import Cache, Key, key_of, trimmed
from tintype_operator.watch.store import is_in_release

RESOURCES = {resource.kind: resource for resource in (ACCOUNTS, API_KEYS, CREDIT_GRANTS)}
"""In the order in which they need each other."""


class AccountStore:
    """Updated by events, and corrected by complete lists."""

    def __init__(
        self,
        client: KubernetesClient,
        namespace: str,
        release: str,
        liveness: Liveness,
        on_change: Callable[[Key], None] = lambda _: None,
    ) -> None:
        """Start empty; the content is meaningless before the first `relist`.

        `on_change` takes what a list shows to have appeared, vanished or changed its spec: an event
        that tells of it later is no change any more.
        """
        self._client = client
        self._namespace = namespace
        self._release = release
        self._liveness = liveness
        self._on_change = on_change
        self._cache = Cache()

    def get(self, key: Key) -> KubernetesObject | None:
        """Return one object, None if it does not exist."""
        return self._cache.get(*key)

    def objects(self, kind: str) -> list[KubernetesObject]:
        """Return the objects of a kind."""
        return [found for found in self._cache.objects() if found["kind"] == kind]

    def names(self) -> list[Key]:
        """Return the kind and name of each object."""
        return [key_of(found) for found in self._cache.objects()]

    def receive(self, event_type: str | None, found: KubernetesObject) -> bool:
        """Apply an event, and return whether an object appeared, vanished or has another spec."""
        self._liveness.event_received(found)
        if event_type == "DELETED" or not is_in_release(found, self._release):
            return self._cache.remove(found)
        return self._cache.put(slim(found))

    def written(self, found: KubernetesObject) -> None:
        """Apply what the API server returned for a write of a status; its event will follow."""
        self._liveness.expect_event(found)
        self._cache.put_written(slim(found))

    async def relist(self) -> set[Key]:
        """List everything again, and return what appeared, vanished or has another spec.

        Raises:
            KubernetesError: A list failed; the objects of other kinds may be newer.
        """
        changed: set[Key] = set()
        for kind, resource in RESOURCES.items():
            listed = await self._client.list(resource, self._namespace, transform=slim)
            items = tuple(item for item in listed.items if is_in_release(item, self._release))
            before = self._revisions(kind)
            self._cache.replace(kind, ObjectList(items, listed.resource_version))
            of_kind = {key for key, _ in before ^ self._revisions(kind)}
            for key in of_kind:
                self._on_change(key)
            changed |= of_kind
            self._liveness.expect_events(kind, items)
            OBJECTS.labels(kind).set(len(items))
        return changed

    def _revisions(self, kind: str) -> set[tuple[Key, tuple[str, int]]]:
        """Return which objects of a kind there are, and which spec each has."""
        found = [(key_of(each), each["metadata"]) for each in self.objects(kind)]
        return {(key, (metadata["uid"], metadata["generation"])) for key, metadata in found}


def slim(found: KubernetesObject) -> KubernetesObject:
    """Return an object with the metadata that the operator uses, and who wrote its spec."""
    slimmed = trimmed(found)
    slimmed["metadata"][WRITER] = last_writer(found)
    return slimmed
