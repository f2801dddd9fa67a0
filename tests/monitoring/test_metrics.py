"""The metrics are as Prometheus wants them: judged by `promtool check metrics`."""

import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tintype_gateway.observability.metrics import REGISTRY as GATEWAY
from tintype_operator.metrics import REGISTRY as OPERATOR
from tintype_testing.requirements import require


@pytest.fixture(params=[GATEWAY, OPERATOR], ids=["gateway", "operator"])
def shown(request: pytest.FixtureRequest) -> Iterator[bytes]:
    """What a scrape gets, with a series of each metric that has labels."""
    registry: CollectorRegistry = request.param
    labelled = [
        collector
        for collector in list(registry._collector_to_names)
        if isinstance(collector, Counter | Gauge | Histogram) and collector._labelnames
    ]
    for collector in labelled:
        collector.labels(*collector._labelnames)
    yield generate_latest(registry)
    for collector in labelled:
        collector.remove(*collector._labelnames)


def test_promtool_has_no_complaint(shown: bytes) -> None:
    promtool = require("promtool", "apt-get install prometheus")

    ended = subprocess.run([promtool, "check", "metrics"], input=shown, capture_output=True)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
