"""The newest version of each object, updated by events and corrected by lists.

Events alone are not enough: after a gap in a watch, kopf reports the existing objects but not those
that were deleted during the gap. Lists alone are not enough either: an event may arrive before an
older list. So the highest resourceVersion of an object wins, and a list also removes objects.
"""

import sys
from collections import defaultdict
from typing import Any, Final

from tintype_kubernetes.client import KubernetesObject, ObjectList

Key = tuple[str, str]
"""Kind and name; all objects are in one namespace."""

KEPT_METADATA: Final = (
    *("name", "namespace", "uid", "resourceVersion", "generation", "labels"),
    *("creationTimestamp", "deletionTimestamp"),
)
"""The metadata that the operator uses. The rest, mostly `managedFields`, takes more memory than
the whole other object."""


class Cache:
    """The newest known version of each object that is not being deleted."""

    def __init__(self) -> None:
        """Start empty; the content is meaningless before the first lists."""
        self._objects: dict[Key, KubernetesObject] = {}
        self._deleted: dict[str, dict[str, int]] = defaultdict(dict)

    def objects(self) -> list[KubernetesObject]:
        """Return the objects; the last one is that whose generation changed most recently."""
        return list(self._objects.values())

    def get(self, kind: str, name: str) -> KubernetesObject | None:
        """Return one object, None if it does not exist."""
        return self._objects.get((kind, name))

    def put(self, found: KubernetesObject) -> bool:
        """Store an object, and return whether its generation changed.

        A newer version of the same generation is stored for its status, but is no change. Without
        this distinction the operator would react to its own status writes for ever.
        """
        if found["metadata"].get("deletionTimestamp"):
            return self.remove(found)
        known = self._objects.get(key_of(found))
        gone = self._deleted[found["kind"]].get(_uid(found), -1)
        if _version(found) <= max(gone, _version(known) if known else -1):
            return False
        is_changed = known is None or _revision(found) != _revision(known)
        if is_changed:
            self._objects.pop(key_of(found), None)  # moves it to the end
        self._objects[key_of(found)] = found
        return is_changed

    def put_written(self, written: KubernetesObject) -> None:
        """Store what the API server returned for a write of a status.

        If somebody has changed the spec meanwhile it is left out: the event of that change is still
        to come, and would be no change if it were known by then.
        """
        known = self._objects.get(key_of(written))
        if known is not None and _revision(known) == _revision(written):
            self.put(written)

    def remove(self, deleted: KubernetesObject) -> bool:
        """Remove an object, and return whether it was present."""
        self._deleted[deleted["kind"]][_uid(deleted)] = _version(deleted)
        known = self._objects.get(key_of(deleted))
        if known is None or _uid(known) != _uid(deleted):
            return False
        del self._objects[key_of(deleted)]
        return True

    def replace(self, kind: str, listed: ObjectList) -> None:
        """Apply a complete list of one kind.

        Objects that the list lacks are removed, unless they are newer than the list.
        """
        present, version = {key_of(item) for item in listed.items}, int(listed.resource_version)
        vanished = [
            known
            for key, known in self._objects.items()
            if key[0] == kind and key not in present and _version(known) <= version
        ]
        for known in vanished:
            self.remove(known)
        for item in sorted(listed.items, key=_version):
            self.put(item)
        self._forget_deletions(kind, version)

    def _forget_deletions(self, kind: str, version: int) -> None:
        """Forget deletions before a list: no later list can contain such an object."""
        self._deleted[kind] = {
            uid: deleted for uid, deleted in self._deleted[kind].items() if deleted > version
        }


def trimmed(found: KubernetesObject) -> KubernetesObject:
    """Return an object without the metadata that the operator does not use.

    It is a deep copy, so that the memory of the original is freed as a whole.
    """
    metadata = {key: found["metadata"][key] for key in KEPT_METADATA if key in found["metadata"]}
    slim: KubernetesObject = _compact(found | {"metadata": metadata})
    return slim


def _compact(value: Any) -> Any:
    """Return a deep copy whose keys and texts are interned.

    Each response has strings of its own, most of which all objects have: conditions, above all.
    """
    match value:
        case dict():
            return {sys.intern(key): _compact(item) for key, item in value.items()}
        case list():
            return [_compact(item) for item in value]
        case str():
            return sys.intern(value)
        case _:
            return value


def key_of(found: KubernetesObject) -> Key:
    """Return the kind and name of an object."""
    return found["kind"], found["metadata"]["name"]


def _uid(found: KubernetesObject) -> str:
    return str(found["metadata"]["uid"])


def _version(found: KubernetesObject) -> int:
    # Kubernetes documents since 1.35 that versions can be compared; etcd's always could.
    return int(found["metadata"]["resourceVersion"])


def _revision(found: KubernetesObject) -> tuple[str, int]:
    # A Secret has no generation and no status, so every version of it counts as a change.
    return _uid(found), found["metadata"].get("generation", _version(found))
