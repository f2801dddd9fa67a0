"""The deadline of a request."""

import time
from collections.abc import Callable


class Deadline:
    """A point in time that bounds all work of a request."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock() + seconds

    def remaining(self) -> float:
        """Return the remaining seconds, at least 0."""
        return max(self._at - self._clock(), 0.0)
