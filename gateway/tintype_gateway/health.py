"""Which regions of a binding answered last time: a region that failed rests for a while."""

import time
from collections.abc import Callable

from tintype_gateway.values import FaultKind, Route

REST_SECONDS = 30.0
"""How long a region is passed over after a failure, where there is another one."""

_UNHEALTHY: frozenset[FaultKind] = frozenset(
    {"throttled", "unauthorized", "unavailable", "timeout", "outcome_unknown"}
)
"""Faults of the region, and not of the request."""


class RegionHealth:
    """What this process saw of each binding's regions."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._resting: dict[tuple[str, str], float] = {}

    def is_healthy(self, binding: str, region: str) -> bool:
        """Return whether the region of a binding has not failed lately."""
        return self._resting.get((binding, region), 0.0) <= self._clock()

    def note(self, route: Route, fault: FaultKind | None) -> None:
        """Note how a call ended; None is a success."""
        key = (route.binding.name, route.region)
        if fault in _UNHEALTHY:
            self._resting[key] = self._clock() + REST_SECONDS
        else:
            self._resting.pop(key, None)
