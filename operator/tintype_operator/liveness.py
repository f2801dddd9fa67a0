"""Whether this process works: its tasks send heartbeats, and its watches deliver events in time.

A watch that ended without an error, or a stream that no task reads, is indistinguishable from a
cluster without changes. But what a list or the response to one of our own writes shows must soon
arrive as an event as well.

A slow process must not be taken for a broken one, because a restart makes it slower. So each event
restarts the timer of its kind, and nothing is due before the watches are opened.
"""

import time
from collections.abc import Callable, Iterable

from tintype_kubernetes.client import KubernetesObject


class Liveness:
    """The time since the last heartbeat of each task, and since the last event of each kind of
    which one is due."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without heartbeats, without expected events, and before the watches are opened."""
        self._clock = clock
        self._beats: dict[str, float] = {}
        self._newest_event: dict[str, int] = {}
        self._expected: dict[str, tuple[int, float]] = {}
        self._are_watches_open = False

    def beat(self, task: str) -> None:
        """Record a heartbeat of a task of the operator."""
        self._beats[task] = self._clock()

    def seconds_since_heartbeat(self) -> float:
        """Return the age of the oldest heartbeat of all tasks; zero before the first one."""
        return self._clock() - min(self._beats.values()) if self._beats else 0.0

    def event_received(self, found: KubernetesObject) -> None:
        """Record the object of an event; events up to its resourceVersion are no longer due.

        The timer of what is still due of this kind restarts: the watch works, however slowly.
        """
        kind, version = found["kind"], _version(found)
        self._newest_event[kind] = max(version, self._newest_event.get(kind, 0))
        expected, _ = self._expected.pop(kind, (0, 0.0))
        if self._newest_event[kind] < expected:
            self._expected[kind] = expected, self._clock()

    def expect_event(self, written: KubernetesObject) -> None:
        """Expect an event for an object that the operator wrote."""
        kind, version = written["kind"], _version(written)
        if version > self._newest_event.get(kind, 0):
            self._expected.setdefault(kind, (version, self._clock()))

    def expect_events(self, kind: str, items: Iterable[KubernetesObject]) -> None:
        """Expect events for the objects of a complete list, and for no deleted object."""
        newest = max(map(_version, items), default=0)
        expected, since = self._expected.pop(kind, (newest, self._clock()))
        if newest > self._newest_event.get(kind, 0):
            self._expected[kind] = min(expected, newest), since

    def watches_open(self) -> None:
        """Count from now on: no event can arrive earlier."""
        self._are_watches_open = True
        self.restart_timers()

    def restart_timers(self) -> None:
        """Count from now on: while the API server is unreachable no event can arrive."""
        now = self._clock()
        self._expected = {kind: (version, now) for kind, (version, _) in self._expected.items()}

    def seconds_overdue(self) -> float:
        """Return for how long no event of a kind came although one is due; zero if none is."""
        since = [moment for _, moment in self._expected.values()]
        return self._clock() - min(since) if since and self._are_watches_open else 0.0


def _version(found: KubernetesObject) -> int:
    return int(found["metadata"]["resourceVersion"])
