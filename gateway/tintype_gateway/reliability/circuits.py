"""One circuit for each binding and region: a way that keeps failing is left alone for a while.

A circuit is closed while calls succeed. It opens after several failures in a row, or at once where
a single failure tells enough. After its rest one call may try the way: if that succeeds the circuit
closes, if not it rests for twice as long.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from tintype_gateway.values import FaultKind, Route, UpstreamFault

FAILURES_IN_A_ROW = 5
"""As many as Envoy's outlier detection counts by default."""

FIRST_REST_SECONDS = 10.0
LONGEST_REST_SECONDS = 60.0

_OF_THE_WAY: frozenset[FaultKind] = frozenset({"unavailable", "timeout", "outcome_unknown"})
"""Faults of the way, and not of the request."""


class State(IntEnum):
    """As the metric shows it: the higher, the worse."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass
class _Circuit:
    failures: int = 0
    rest_seconds: float = 0.0
    """How long it rested last, 0 while it is closed."""

    opens_until: float = 0.0
    probing: bool = False

    def state(self, now: float) -> State:
        if self.opens_until == 0.0:
            return State.CLOSED
        return State.OPEN if now < self.opens_until else State.HALF_OPEN


class Circuits:
    """What this process saw of each binding's regions."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._circuits: defaultdict[tuple[str, str], _Circuit] = defaultdict(_Circuit)

    def is_healthy(self, binding: str, region: str) -> bool:
        """Return whether a call may go this way now."""
        circuit = self._circuits.get((binding, region))
        return circuit is None or self._is_passable(circuit)

    def admit(self, route: Route) -> bool:
        """Return whether a call may go this way now, and if it is the probe, let no other go.

        Every admitted call must be followed by `note` or `abandon`.
        """
        circuit = self._circuits.get(_key(route))
        if circuit is None or circuit.state(self._clock()) is State.CLOSED:
            return True
        if not self._is_passable(circuit):
            return False
        circuit.probing = True
        return True

    def note(self, route: Route, fault: UpstreamFault | None) -> None:
        """Note how a call ended; None is a success."""
        circuit = self._circuits[_key(route)]
        circuit.probing = False
        if fault is not None and fault.kind in _OF_THE_WAY:
            circuit.failures += 1
            if circuit.failures >= FAILURES_IN_A_ROW or circuit.rest_seconds:
                self._open(circuit, at_least=0.0)
        elif fault is not None and fault.kind in ("throttled", "unauthorized"):
            self._open(circuit, at_least=float(fault.retry_after_seconds or 0))
        else:
            del self._circuits[_key(route)]

    def abandon(self, route: Route) -> None:
        """Note that a call ended without telling anything, since its client left."""
        if circuit := self._circuits.get(_key(route)):
            circuit.probing = False

    def states(self) -> Iterator[tuple[str, str, State]]:
        """Yield binding, region and state of every way that failed and has not succeeded since."""
        now = self._clock()
        for (binding, region), circuit in self._circuits.items():
            yield binding, region, circuit.state(now)

    def _is_passable(self, circuit: _Circuit) -> bool:
        return not circuit.probing and circuit.opens_until <= self._clock()

    def _open(self, circuit: _Circuit, at_least: float) -> None:
        """Let the circuit rest for longer than the last time, up to the longest rest."""
        if circuit.opens_until > self._clock():
            return  # the last calls from before it opened tell nothing new
        rest = max(circuit.rest_seconds * 2, FIRST_REST_SECONDS, at_least)
        circuit.rest_seconds = min(rest, LONGEST_REST_SECONDS)
        circuit.opens_until = self._clock() + circuit.rest_seconds


def _key(route: Route) -> tuple[str, str]:
    return route.binding.name, route.region
