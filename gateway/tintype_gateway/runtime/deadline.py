"""The deadline of a request."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Deadline:
    """A point in time that bounds all work of a request."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock() + seconds
        self._stops = 0
        self._stopped_at = 0.0

    def remaining(self) -> float:
        """Return the remaining seconds, at least 0."""
        return max(self._at - (self._stopped_at if self._stops else self._clock()), 0.0)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let the time of the block not count, which is no part of the work."""
        if not self._stops:
            self._stopped_at = self._clock()
        self._stops += 1
        try:
            yield
        finally:
            self._stops -= 1
            if not self._stops:
                self._at += self._clock() - self._stopped_at
