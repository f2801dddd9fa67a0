"""Parses each generation of an object only once, although every pass compiles all objects."""

from collections.abc import Iterable, Mapping
from typing import Any

from tintype_catalog.compiler import entered
from tintype_catalog.problems import Problem
from tintype_catalog.resources import Resource, parse_resource
from tintype_kubernetes.client import KubernetesObject

Parsed = Resource | list[Problem]


class ParseCache:
    """Parses objects, and keeps the result for the newest generation of each."""

    def __init__(self) -> None:
        """Start empty."""
        self._known: dict[str, tuple[int, Parsed]] = {}

    def __call__(self, manifest: Mapping[str, Any]) -> Parsed:
        """Return the parsed object, or all problems of an invalid one."""
        uid, generation = manifest["metadata"]["uid"], manifest["metadata"]["generation"]
        known, parsed = self._known.get(uid, (None, None))
        if parsed is None or known != generation:
            parsed = parse_resource(manifest)
            if not isinstance(parsed, list):
                parsed = entered(parsed)
            self._known[uid] = generation, parsed
        return parsed

    def forget_others(self, objects: Iterable[KubernetesObject]) -> None:
        """Drop the results for all other objects."""
        uids = {found["metadata"]["uid"] for found in objects}
        self._known = {uid: known for uid, known in self._known.items() if uid in uids}
