"""The metrics of the circuit breakers of routes with recent failures."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.observability.metrics import REGISTRY
from tintype_gateway.upstream.circuit_breaker import Circuits, State


class CircuitGauges(Collector):
    """Reads the circuits at each scrape, since time alone half opens one."""

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


def show(circuits: Circuits, catalogs: CatalogStore) -> None:
    """Export the state of these circuits."""
    _GAUGES.source = circuits, catalogs


def _states(circuits: Circuits, catalogs: CatalogStore) -> Iterator[tuple[str, str, State]]:
    """Yield the circuits of bindings in the catalog."""
    catalog = catalogs.catalog
    names = {binding.name for binding in catalog.bindings} if catalog else frozenset()
    return (state for state in circuits.states() if state[0] in names)
