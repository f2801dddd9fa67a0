"""By when a request must have ended."""

import time
from collections.abc import Callable


class Deadline:
    """A moment that everything which a request does is bounded by."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left, 0 when there are none."""
        return max(self._at - self._clock(), 0.0)
