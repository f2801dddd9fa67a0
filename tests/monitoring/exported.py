"""The metrics that gateways and operator export, with their labels."""

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry

from tintype_gateway import composition as composition  # registers the metrics of all modules
from tintype_gateway.observability.metrics import REGISTRY as GATEWAY
from tintype_operator.metrics import REGISTRY as OPERATOR
from tintype_testing.private_prometheus import collectors, has_labels, label_names, name_and_type

TARGET_LABELS = frozenset({"namespace", "instance", "pod", "job"})
"""The labels that Prometheus adds to each series."""

SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}


def families(registry: CollectorRegistry) -> Iterator[Any]:
    """Every metric of a registry, also those without a series yet."""
    for collector in collectors(registry):
        if has_labels(collector):
            yield collector
        else:
            yield from collector.collect()


def exported() -> dict[str, frozenset[str]]:
    """Every metric that a query may name, and the labels that it may select by."""
    names = {}
    for family in (*families(GATEWAY), *families(OPERATOR)):
        name, type_ = name_and_type(family)
        for suffix in SUFFIXES.get(type_, ("",)):
            le = {"le"} if suffix == "_bucket" else set()
            names[name + suffix] = frozenset({*label_names(family), *le})
    return names


def documented_labels() -> dict[str, frozenset[str]]:
    """The labels of each metric in the table of the documentation."""
    return {
        name_and_type(family)[0]: frozenset(label_names(family))
        for family in (*families(GATEWAY), *families(OPERATOR))
    }
