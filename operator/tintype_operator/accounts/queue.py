"""The queue of objects to reconcile: each at most once at a time, repeated with growing pauses.

There is no debounce: a deleted key must be refused everywhere within two seconds.
"""

import asyncio
import heapq
import itertools
from contextlib import suppress
from typing import Final

from tintype_operator.watch.cache import Key

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 60.0
"""The pause after a failure doubles between these limits."""


class WorkQueue:
    """Hands out keys in the order in which they are due."""

    def __init__(
        self,
        first_pause: float = FIRST_PAUSE_SECONDS,
        longest_pause: float = LONGEST_PAUSE_SECONDS,
    ) -> None:
        """Start empty; the pauses after failures are in seconds."""
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._heap: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._order = itertools.count()
        self._added = asyncio.Event()

    def __len__(self) -> int:
        """Return how many keys wait or run."""
        return len(self._due.keys() | self._running)

    def add(self, key: Key, *, first: bool = False) -> None:
        """Make a key due at once; with `first` before all others."""
        self._add(key, 0.0 if first else _now())

    def add_after(self, key: Key, seconds: float) -> None:
        """Make a key due after `seconds`, or earlier if it is due earlier already."""
        self._add(key, _now() + seconds)

    def retry(self, key: Key) -> float:
        """Make a key due after a pause that doubles with each failure, and return the pause."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        pause = min(self._longest_pause, self._first_pause * 2.0 ** min(failures, 32))
        self.add_after(key, pause)
        return pause

    def succeeded(self, key: Key) -> None:
        """Begin again with the shortest pause after the next failure."""
        self._failures.pop(key, None)

    async def get(self) -> Key:
        """Return the next key once it is due. It is not handed out again before `done`."""
        while True:
            if (key := self._pop()) is not None:
                return key
            self._added.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_left()):
                    await self._added.wait()

    def done(self, key: Key) -> None:
        """End the work on a key; if it was added meanwhile, it is handed out again."""
        self._running.discard(key)
        if key in self._due:
            self._push(key)

    def _add(self, key: Key, due: float) -> None:
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            if key not in self._running:
                self._push(key)

    def _push(self, key: Key) -> None:
        heapq.heappush(self._heap, (self._due[key], next(self._order), key))
        self._added.set()

    def _pop(self) -> Key | None:
        """Return a key that is due now, None if there is none."""
        self._drop_outdated()
        if not self._heap or self._heap[0][0] > _now():
            return None
        _, _, key = heapq.heappop(self._heap)
        del self._due[key]
        self._running.add(key)
        return key

    def _drop_outdated(self) -> None:
        """Drop entries of keys that run, or that became due earlier by another entry."""
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) == due and key not in self._running:
                return
            heapq.heappop(self._heap)

    def _seconds_left(self) -> float | None:
        return max(0.0, self._heap[0][0] - _now()) if self._heap else None


def _now() -> float:
    return asyncio.get_running_loop().time()
