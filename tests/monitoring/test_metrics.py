"""The metrics follow the conventions of Prometheus: `promtool check metrics` accepts them."""

import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tintype_gateway.observability.metrics import REGISTRY as GATEWAY
from tintype_operator.metrics import REGISTRY as OPERATOR
from tintype_testing.private_prometheus import collectors, label_names
from tintype_testing.requirements import require


@pytest.fixture(params=[GATEWAY, OPERATOR], ids=["gateway", "operator"])
def shown(request: pytest.FixtureRequest) -> Iterator[bytes]:
    """The text of a scrape, with a series of each metric that has labels."""
    registry: CollectorRegistry = request.param
    labelled = [
        collector
        for collector in collectors(registry)
        if isinstance(collector, Counter | Gauge | Histogram) and label_names(collector)
    ]
    for collector in labelled:
        collector.labels(*label_names(collector))
    yield generate_latest(registry)
    for collector in labelled:
        collector.remove(*label_names(collector))


def test_promtool_accepts_the_metrics(shown: bytes) -> None:
    promtool = require("promtool", "apt-get install prometheus")

    ended = subprocess.run([promtool, "check", "metrics"], input=shown, capture_output=True)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
