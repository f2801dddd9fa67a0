"""A circuit breaker for each binding and region: no calls for a while after repeated failures.

A circuit is closed while calls succeed. It opens when half of the last calls failed, or at once
after a fault that shows that further calls would fail as well. After its open duration one call
probes the route: if the call succeeds, the circuit closes; otherwise it stays open for twice as
long.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import IntEnum
from types import TracebackType

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.faults import rule_of
from tintype_gateway.observability.metrics import REGISTRY
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.routes import Route

LAST_CALLS = 10
"""The number of recent calls that the circuit breaker counts."""

MOST_FAILURES = 5
"""The number of failures among them that opens a circuit. Envoy's outlier detection uses the same
number, but in a row, which a provider that fails every other call never reaches."""

FAILED_PROBES = 3
"""The number of failed health probes in a row that opens a circuit, as in Kubernetes."""

FIRST_OPEN_SECONDS = 10.0
LONGEST_OPEN_SECONDS = 60.0


class State(IntEnum):
    """The value of the metric."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass
class _Circuit:
    failed: deque[bool] = field(default_factory=lambda: deque(maxlen=LAST_CALLS))
    """For each recent call of a closed circuit, whether it failed."""

    open_seconds: float = 0.0
    """The last open duration, 0 while the circuit is closed."""

    opens_until: float = 0.0
    probing: bool = False
    failed_probes: int = 0
    """The number of failed health probes since the last successful one."""

    was_unreachable: bool = False
    """Whether it opened because the server was not reached, which a health probe can disprove."""

    def state(self, now: float) -> State:
        if self.opens_until == 0.0:
            return State.CLOSED
        return State.OPEN if now < self.opens_until else State.HALF_OPEN


class Circuits:
    """All circuit breakers of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._circuits: defaultdict[tuple[str, str], _Circuit] = defaultdict(_Circuit)

    def is_healthy(self, binding: str, region: str) -> bool:
        """Return whether a call may use the route now."""
        circuit = self._circuits.get((binding, region))
        return circuit is None or self._is_passable(circuit)

    def admit(self, route: Route) -> bool:
        """Return whether a call may use the route now. A probe excludes other calls.

        Every admitted call must be followed by `note` or `abandon`.
        """
        circuit = self._circuits.get(route.key)
        if circuit is None or circuit.state(self._clock()) is State.CLOSED:
            return True
        if not self._is_passable(circuit):
            return False
        circuit.probing = True
        return True

    def watched(self, route: Route) -> AbstractContextManager[None]:
        """Admit the call that the block makes, and record its outcome."""
        return _Watched(self, route)

    def note(self, route: Route, fault: UpstreamFault | None) -> None:
        """Record the outcome of a call; None is a success.

        Calls that were in flight when the circuit opened do not count.
        """
        if fault is None and route.key not in self._circuits:
            return
        circuit = self._circuits[route.key]
        circuit.probing = False
        if circuit.state(self._clock()) is State.OPEN:
            return
        verdict = "ignores" if fault is None else rule_of(fault).circuit
        if fault is not None and verdict == "opens":
            self._open(circuit, at_least=float(fault.retry_after_seconds or 0))
            circuit.was_unreachable = False
        elif verdict == "counts":
            circuit.failed.append(True)
            if circuit.open_seconds or sum(circuit.failed) >= MOST_FAILURES:
                self._open(circuit, at_least=0.0)
                circuit.was_unreachable = fault is not None and fault.kind == "unavailable"
        else:
            circuit.failed.append(False)
            if circuit.open_seconds or not any(circuit.failed):
                del self._circuits[route.key]

    def note_probe(self, route: Route, *, is_healthy: bool) -> None:
        """Record a health probe of the server.

        Several failures in a row open the circuit, and further ones keep it open. A success closes
        it if it opened because the server was not reached. A server that is healthy and refuses
        its calls keeps its open circuit.
        """
        if is_healthy and route.key not in self._circuits:
            return
        circuit = self._circuits[route.key]
        is_open = circuit.state(self._clock()) is not State.CLOSED
        circuit.failed_probes = 0 if is_healthy else circuit.failed_probes + 1
        if is_healthy:
            if circuit.was_unreachable if is_open else not any(circuit.failed):
                del self._circuits[route.key]
        elif is_open:
            circuit.opens_until = max(circuit.opens_until, self._clock() + circuit.open_seconds)
        elif circuit.failed_probes >= FAILED_PROBES:
            self._open(circuit, at_least=0.0)
            circuit.was_unreachable = True

    def abandon(self, route: Route) -> None:
        """Record that a call ended without an outcome because its client disconnected."""
        if circuit := self._circuits.get(route.key):
            circuit.probing = False

    def states(self) -> Iterator[tuple[str, str, State]]:
        """Yield binding, region and state of every route with recent failures."""
        now = self._clock()
        for (binding, region), circuit in list(
            self._circuits.items()
        ):  # Prometheus scrapes run in a thread
            yield binding, region, circuit.state(now)

    def _is_passable(self, circuit: _Circuit) -> bool:
        return not circuit.probing and circuit.opens_until <= self._clock()

    def _open(self, circuit: _Circuit, at_least: float) -> None:
        """Open the circuit for twice the last open duration, up to the longest."""
        duration = max(circuit.open_seconds * 2, FIRST_OPEN_SECONDS, at_least)
        circuit.open_seconds = min(duration, LONGEST_OPEN_SECONDS)
        circuit.opens_until = self._clock() + circuit.open_seconds


class _Watched:
    def __init__(self, circuits: Circuits, route: Route) -> None:
        self._circuits = circuits
        self._route = route

    def __enter__(self) -> None:
        self._circuits.admit(self._route)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None or isinstance(error, UpstreamFault):
            self._circuits.note(self._route, error)
        else:
            self._circuits.abandon(self._route)


class CircuitGauges(Collector):
    """Reads the circuits at each scrape, because a circuit becomes half open by time alone."""

    source: tuple[Circuits, CatalogStore] | None = None

    @override
    def collect(self) -> Iterator[Metric]:
        """Return the state of every circuit with recent failures."""
        metric = GaugeMetricFamily(
            "tintype_circuit_state",
            "State of the circuit breaker, by binding and region: 0 closed, 1 half open, 2 open.",
            labels=("binding", "region"),
        )
        for binding, region, state in _states(*self.source) if self.source else ():
            metric.add_metric((binding, region), state)
        yield metric


_GAUGES = CircuitGauges()
REGISTRY.register(_GAUGES)


def export_circuits(circuits: Circuits, catalogs: CatalogStore) -> None:
    """Export the state of these circuits."""
    _GAUGES.source = circuits, catalogs


def _states(circuits: Circuits, catalogs: CatalogStore) -> Iterator[tuple[str, str, State]]:
    """Yield the circuits of bindings in the catalog."""
    catalog = catalogs.catalog
    names = {binding.name for binding in catalog.bindings} if catalog else frozenset()
    return (state for state in circuits.states() if state[0] in names)
