"""The page of all metrics, from the registries that serve them."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry

import tintype_gateway.server  # noqa: F401 - metrics register where they are defined
from tintype_gateway.observability.metrics import REGISTRY as GATEWAY
from tintype_operator.metrics import REGISTRY as OPERATOR
from tintype_testing.private_prometheus import collectors, has_labels, label_names
from tools.reference.markdown import code, prose, table

INTRODUCTION = """# Metrics

Gateways serve their metrics at `/metrics` of the admin port, the operator at `/metrics` of its
health port. The meaning is the metric's own HELP text. [Seeing what it does](../observability.md)
has more about each, and the dashboards and alerts that are made of them. The metrics of the
process (`process_*`) are those of every Prometheus client.
"""

HEADS = ("Metric", "Type", "Labels", "Meaning")

Row = tuple[str, str, str, str]


def page() -> str:
    """Return the page."""
    return (
        f"{INTRODUCTION}\n## Metrics of a gateway\n\n{table(HEADS, sorted(_rows(GATEWAY)))}"
        f"\n## Metrics of the operator\n\n{table(HEADS, sorted(_rows(OPERATOR)))}"
    )


def _rows(registry: CollectorRegistry) -> Iterator[Row]:
    for collector in collectors(registry):
        for family in collector.collect():
            if family.name.startswith("process_"):
                continue
            name = f"{family.name}_total" if family.type == "counter" else family.name
            source = collector if has_labels(collector) else family
            labels = ", ".join(map(code, label_names(source)))
            yield code(name), family.type, labels, prose(family.documentation)
