"""Is this process alive? Its tasks must show it now and then, and its watches must tell of changes.

A watch that silently ended, or a stream that nobody reads, looks like a quiet day. But what a list
or an answer to one of our own writes shows must soon be told by an event as well.
"""

import time
from collections.abc import Iterable

from tintype_kubernetes.client import KubernetesObject


class Liveness:
    """How long a task of the aggregator has been silent, and the watches deaf."""

    def __init__(self) -> None:
        """Begin alive."""
        self._beats: dict[str, float] = {}
        self._heard: dict[str, int] = {}
        self._awaited: dict[str, tuple[int, float]] = {}

    def beat(self, task: str) -> None:
        """Show that a task of the aggregator lives."""
        self._beats[task] = time.monotonic()

    def silent_seconds(self) -> float:
        """Return for how long a task has shown no sign of life; zero before the first of any."""
        return time.monotonic() - min(self._beats.values()) if self._beats else 0.0

    def heard(self, event: KubernetesObject) -> None:
        """Note what an event told."""
        kind, version = event["kind"], _version(event)
        self._heard[kind] = max(version, self._heard.get(kind, 0))
        awaited, _ = self._awaited.get(kind, (0, 0.0))
        if self._heard[kind] >= awaited:
            self._awaited.pop(kind, None)

    def wrote(self, written: KubernetesObject) -> None:
        """Expect an event of a version that we made."""
        kind, version = written["kind"], _version(written)
        if version > self._heard.get(kind, 0):
            self._awaited.setdefault(kind, (version, time.monotonic()))

    def listed(self, kind: str, items: Iterable[KubernetesObject]) -> None:
        """Expect events of what a list shows, and of nothing else: the rest is gone."""
        newest = max(map(_version, items), default=0)
        if newest <= self._heard.get(kind, 0):
            self._awaited.pop(kind, None)
        else:
            self._awaited.setdefault(kind, (newest, time.monotonic()))

    def excuse(self) -> None:
        """Begin to count anew: the API server is away, so no event can come."""
        now = time.monotonic()
        self._awaited = {kind: (version, now) for kind, (version, _) in self._awaited.items()}

    def deaf_seconds(self) -> float:
        """Return how long an event has been due."""
        since = [moment for _, moment in self._awaited.values()]
        return time.monotonic() - min(since) if since else 0.0


def _version(found: KubernetesObject) -> int:
    return int(found["metadata"]["resourceVersion"])
