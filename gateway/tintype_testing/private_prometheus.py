"""Every private part of prometheus_client that tests and benchmarks use, and nothing else.

Its public interface tells only of series that exist: not of a metric with labels before their first
use. tests/test_private_parts.py has a test for each part, and pyproject.toml an upper bound.
"""

from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector


def collectors(registry: CollectorRegistry) -> list[Collector]:
    """Return everything that was registered, in that order."""
    return list(registry._collector_to_names)


def has_labels(collector: object) -> bool:
    """Return whether this is a metric or a family, of which `label_names` can tell."""
    return hasattr(collector, "_labelnames")


def label_names(metric: Any) -> tuple[str, ...]:
    """Return the names of a metric's or a family's labels."""
    return tuple(metric._labelnames)


def name_and_type(family: Any) -> tuple[str, str]:
    """Return both: a metric and what a collector of its own yields name them differently."""
    if hasattr(family, "_type"):
        return family._name, family._type
    return family.name, family.type
