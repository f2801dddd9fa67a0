"""One circuit for each binding and region: a way that keeps failing is left alone for a while.

A circuit is closed while calls succeed. It opens when half of the last calls failed, or at once
where a single failure tells enough. After its rest one call may try the way: if that succeeds the
circuit closes, if not it rests for twice as long.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum

from tintype_gateway.faults import rule_of
from tintype_gateway.values import Route, UpstreamFault

LAST_CALLS = 10
"""The calls whose ends are remembered."""

MOST_FAILURES = 5
"""With so many failures among them it opens: the number of Envoy's outlier detection, which a
provider that fails every other time would never reach in a row."""

FIRST_REST_SECONDS = 10.0
LONGEST_REST_SECONDS = 60.0


class State(IntEnum):
    """As the metric shows it: the higher, the worse."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass
class _Circuit:
    failed: deque[bool] = field(default_factory=lambda: deque(maxlen=LAST_CALLS))
    """Of the last calls while it is closed, whether each one failed."""

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

    @contextmanager
    def watched(self, route: Route) -> Iterator[None]:
        """Let a call go this way, which the block makes, and note how it ends."""
        self.admit(route)
        try:
            yield
        except UpstreamFault as fault:
            self.note(route, fault)
            raise
        except BaseException:
            self.abandon(route)
            raise
        self.note(route, None)

    def note(self, route: Route, fault: UpstreamFault | None) -> None:
        """Note how a call ended; None is a success.

        What was under way when the circuit opened tells nothing new.
        """
        if fault is None and _key(route) not in self._circuits:
            return
        circuit = self._circuits[_key(route)]
        circuit.probing = False
        if circuit.state(self._clock()) is State.OPEN:
            return
        verdict = "ignores" if fault is None else rule_of(fault).circuit
        if fault is not None and verdict == "opens":
            self._open(circuit, at_least=float(fault.retry_after_seconds or 0))
        elif verdict == "counts":
            circuit.failed.append(True)
            if circuit.rest_seconds or sum(circuit.failed) >= MOST_FAILURES:
                self._open(circuit, at_least=0.0)
        else:
            circuit.failed.append(False)
            if circuit.rest_seconds or not any(circuit.failed):
                del self._circuits[_key(route)]

    def abandon(self, route: Route) -> None:
        """Note that a call ended without telling anything, since its client left."""
        if circuit := self._circuits.get(_key(route)):
            circuit.probing = False

    def states(self) -> Iterator[tuple[str, str, State]]:
        """Yield binding, region and state of every way that failed lately."""
        now = self._clock()
        for (binding, region), circuit in list(self._circuits.items()):  # a scrape is a thread
            yield binding, region, circuit.state(now)

    def _is_passable(self, circuit: _Circuit) -> bool:
        return not circuit.probing and circuit.opens_until <= self._clock()

    def _open(self, circuit: _Circuit, at_least: float) -> None:
        """Let the circuit rest for longer than the last time, up to the longest rest."""
        rest = max(circuit.rest_seconds * 2, FIRST_REST_SECONDS, at_least)
        circuit.rest_seconds = min(rest, LONGEST_REST_SECONDS)
        circuit.opens_until = self._clock() + circuit.rest_seconds


def _key(route: Route) -> tuple[str, str]:
    return route.binding.name, route.region
