"""What the gateway counts, as seen by a test: all gateways of one process share their metrics."""

from tintype_gateway.observability.metrics import REGISTRY


def metric(name: str, **labels: str) -> float:
    """Return the value of a sample, 0 where it was never counted."""
    return REGISTRY.get_sample_value(name, labels) or 0.0
