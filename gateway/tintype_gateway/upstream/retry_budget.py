"""Whether a failed call is retried, and when."""

import random
from collections.abc import Callable

MAX_ATTEMPTS = 3
"""For one call, over all of its routes."""

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
"""The pauses of the official OpenAI SDK."""


class RetryBudget:
    """Keeps retries a small part of all calls, so that they do not overload a failing provider.

    Every call earns a part of a retry, and every retry spends a whole one (as in gRPC's retry
    throttling). The savings are bounded, so that a quiet day does not allow a burst of retries.
    """

    def __init__(self, per_call: float = 0.15, savings: float = 10.0) -> None:
        self._per_call = per_call
        self._most = savings
        self._savings = savings

    def earn(self) -> None:
        """Note the first attempt of a call."""
        self._savings = min(self._savings + self._per_call, self._most)

    def spend(self) -> bool:
        """Return whether one retry may be made, and count it."""
        if self._savings < 1:
            return False
        self._savings -= 1
        return True


def pause_seconds(
    attempt: int, retry_after_seconds: int | None, draw: Callable[[], float] = random.random
) -> float:
    """Return how long to wait before a retry on the same route, after this many attempts.

    Full jitter: anything up to a bound that doubles, so that clients that failed together do not
    retry together. The provider's own `Retry-After` is the minimum, whatever the bound.
    """
    bound = min(FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
    return (retry_after_seconds or 0) + draw() * bound
