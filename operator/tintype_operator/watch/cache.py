"""The objects as they are now, fed by events and corrected by lists.

Events alone are not enough: after a gap in a watch, kopf reports the objects that survived it and
never those that were deleted meanwhile. A list alone is not enough either: an event may overtake
it. So each object counts in its newest version, and a list also says what is gone.
"""

import sys
from collections import defaultdict
from typing import Any, Final

from tintype_kubernetes.client import KubernetesObject, ObjectList

Key = tuple[str, str]
"""Kind and name; all objects are of one namespace."""

METADATA: Final = (
    *("name", "namespace", "uid", "resourceVersion", "generation", "labels"),
    *("creationTimestamp", "deletionTimestamp"),
)
"""What anybody asks for. The rest, most of all `managedFields`, is larger than all else."""


class Cache:
    """The newest known version of each object that is not being deleted."""

    def __init__(self) -> None:
        """Begin empty; nothing may be concluded from that before the first lists."""
        self._objects: dict[Key, KubernetesObject] = {}
        self._deleted: dict[str, dict[str, int]] = defaultdict(dict)

    def objects(self) -> list[KubernetesObject]:
        """Return the objects, whole: the one whose meaning changed last is the last one."""
        return list(self._objects.values())

    def get(self, kind: str, name: str) -> KubernetesObject | None:
        """Return one object, if it is there."""
        return self._objects.get((kind, name))

    def put(self, found: KubernetesObject) -> bool:
        """Take an object in, and return whether its meaning changed.

        A newer version of the same generation is kept, for its status, but means nothing new:
        without that distinction the operator would answer its own writes for ever.
        """
        if found["metadata"].get("deletionTimestamp"):
            return self.remove(found)
        known = self._objects.get(key_of(found))
        gone = self._deleted[found["kind"]].get(_uid(found), -1)
        if _version(found) <= max(gone, _version(known) if known else -1):
            return False
        is_changed = known is None or _meaning(found) != _meaning(known)
        if is_changed:
            self._objects.pop(key_of(found), None)  # so that it becomes the last one
        self._objects[key_of(found)] = found
        return is_changed

    def remove(self, deleted: KubernetesObject) -> bool:
        """Forget an object, and return whether it was known."""
        self._deleted[deleted["kind"]][_uid(deleted)] = _version(deleted)
        known = self._objects.get(key_of(deleted))
        if known is None or _uid(known) != _uid(deleted):
            return False
        del self._objects[key_of(deleted)]
        return True

    def replace(self, kind: str, listed: ObjectList) -> None:
        """Take over a complete list of one kind.

        What the list lacks is gone, except for objects that are newer than the list itself.
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
        """Forget those before a list: no later list can bring such an object back."""
        self._deleted[kind] = {
            uid: deleted for uid, deleted in self._deleted[kind].items() if deleted > version
        }


def slimmed(found: KubernetesObject) -> KubernetesObject:
    """Return an object without the metadata that nobody asks for.

    It is a copy, so that nothing of the original stays in memory between what is dropped.
    """
    metadata = {key: found["metadata"][key] for key in METADATA if key in found["metadata"]}
    slim: KubernetesObject = _compact(found | {"metadata": metadata})
    return slim


def _compact(value: Any) -> Any:
    """Return a copy that shares its keys with all others: each answer comes with its own."""
    match value:
        case dict():
            return {sys.intern(key): _compact(item) for key, item in value.items()}
        case list():
            return [_compact(item) for item in value]
        case _:
            return value


def key_of(found: KubernetesObject) -> Key:
    """Return what an object is known by."""
    return found["kind"], found["metadata"]["name"]


def _uid(found: KubernetesObject) -> str:
    return str(found["metadata"]["uid"])


def _version(found: KubernetesObject) -> int:
    # Comparable by Kubernetes' own word since 1.35, and in practice always for stored objects.
    return int(found["metadata"]["resourceVersion"])


def _meaning(found: KubernetesObject) -> tuple[str, int]:
    # A Secret has no generation, and no status either: every version of it may be a new meaning.
    return _uid(found), found["metadata"].get("generation", _version(found))
