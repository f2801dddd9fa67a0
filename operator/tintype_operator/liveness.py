"""Whether this process works: its tasks send heartbeats, and its watches deliver events in time.

A watch that ended without an error, or a stream that no task reads, is indistinguishable from a
cluster without changes. But what a list or the response to one of our own writes shows must soon
arrive as an event as well.
"""

import time
from collections.abc import Iterable

from tintype_kubernetes.client import KubernetesObject


class Liveness:
    """The time since the last heartbeat of each task, and since the first event that is due."""

    def __init__(self) -> None:
        """Start without heartbeats and without expected events."""
        self._beats: dict[str, float] = {}
        self._newest_event: dict[str, int] = {}
        self._expected: dict[str, tuple[int, float]] = {}

    def beat(self, task: str) -> None:
        """Record a heartbeat of a task of the operator."""
        self._beats[task] = time.monotonic()

    def seconds_since_heartbeat(self) -> float:
        """Return the age of the oldest heartbeat of all tasks; zero before the first one."""
        return time.monotonic() - min(self._beats.values()) if self._beats else 0.0

    def event_received(self, found: KubernetesObject) -> None:
        """Record the object of an event; events up to its resourceVersion are no longer due."""
        kind, version = found["kind"], _version(found)
        self._newest_event[kind] = max(version, self._newest_event.get(kind, 0))
        expected, _ = self._expected.get(kind, (0, 0.0))
        if self._newest_event[kind] >= expected:
            self._expected.pop(kind, None)

    def expect_event(self, written: KubernetesObject) -> None:
        """Expect an event for an object that the operator wrote."""
        kind, version = written["kind"], _version(written)
        if version > self._newest_event.get(kind, 0):
            self._expected.setdefault(kind, (version, time.monotonic()))

    def expect_events(self, kind: str, items: Iterable[KubernetesObject]) -> None:
        """Expect events for the objects of a complete list, and for no deleted object."""
        newest = max(map(_version, items), default=0)
        if newest <= self._newest_event.get(kind, 0):
            self._expected.pop(kind, None)
        else:
            self._expected.setdefault(kind, (newest, time.monotonic()))

    def restart_timers(self) -> None:
        """Count from now on: while the API server is unreachable no event can arrive."""
        now = time.monotonic()
        self._expected = {kind: (version, now) for kind, (version, _) in self._expected.items()}

    def seconds_overdue(self) -> float:
        """Return how long the oldest expected event is due; zero if none is expected."""
        since = [moment for _, moment in self._expected.values()]
        return time.monotonic() - min(since) if since else 0.0


def _version(found: KubernetesObject) -> int:
    return int(found["metadata"]["resourceVersion"])
