"""`Programmed` and `Ready` mean that gateways serve the object: with real gateways."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tintype_catalog.bundle import read_manifest
from tintype_kubernetes.configmaps import files_of
from tintype_testing.manifests import changed, image_model, provider_binding
from tintype_testing.operator import CONFIGMAP, Operator
from tintype_testing.waiting import eventually_blocking
from tintype_testing.watching_gateway import WatchingGateway


@pytest.fixture
def gateways(operator: Operator, tmp_path: Path) -> Iterator[list[WatchingGateway]]:
    """Two gateways that are not started yet, and an operator that knows their URLs."""
    pair = [WatchingGateway(operator, tmp_path / name) for name in ("one", "two")]
    operator.start(TINTYPE_GATEWAY_STATUS_URLS=",".join(gateway.url for gateway in pair))
    operator.wait_for_models()
    yield pair
    for gateway in pair:
        gateway.stop()


def wait(operator: Operator, name: str, seconds: int) -> subprocess.CompletedProcess[str]:
    return operator.cluster.try_kubectl(
        *("wait", f"imagemodel/{name}", "--namespace", operator.namespace),
        *("--for=condition=Ready", f"--timeout={seconds}s"),
    )


def published(operator: Operator) -> int:
    return read_manifest(files_of(operator.get("configmap", CONFIGMAP))).sequence


def writes(operator: Operator) -> int:
    """The number of statuses that the operator has written."""
    with urlopen(f"http://127.0.0.1:{operator.health_port}/metrics") as response:
        text = response.read().decode()
    (line,) = (row for row in text.splitlines() if row.startswith("tintype_operator_status_writes"))
    return int(float(line.split()[-1]))


def test_kubectl_wait_returns_when_every_gateway_serves_the_object(
    operator: Operator, gateways: list[WatchingGateway]
) -> None:
    gateways[0].start()
    eventually_blocking(lambda: gateways[0].sequence() == published(operator), "the first gateway")

    operator.apply(image_model())

    condition = operator.wait_for_condition("imagemodel", "canvas", "Programmed", "False")
    assert condition["reason"] == "Pending"
    assert "1 of 2 gateways" in condition["message"]
    assert wait(operator, "canvas", 1).returncode != 0
    gateways[1].start()

    assert wait(operator, "canvas", 120).returncode == 0
    assert {gateway.sequence() for gateway in gateways} == {published(operator)}


def test_an_edit_becomes_ready_with_few_writes_and_none_to_other_objects(
    operator: Operator, gateways: list[WatchingGateway]
) -> None:
    for gateway in gateways:
        gateway.start()
    operator.apply(image_model(), image_model("sketch"), provider_binding())
    for name in ("canvas", "sketch"):
        assert wait(operator, name, 120).returncode == 0
    operator.wait_for_condition("providerbinding", "canvas-openai", "Ready", "True")
    sketch, before = operator.get("imagemodel", "sketch"), writes(operator)

    operator.apply(changed(image_model(), "spec.displayName", "The new one"))
    assert wait(operator, "canvas", 120).returncode == 0

    assert operator.condition("imagemodel", "canvas", "Ready")["observedGeneration"] == 2
    assert {gateway.sequence() for gateway in gateways} == {published(operator)}
    assert 1 <= writes(operator) - before <= 3
    assert operator.get("imagemodel", "sketch") == sketch


def test_an_object_stays_ready_when_a_gateway_stops(
    operator: Operator, gateways: list[WatchingGateway]
) -> None:
    for gateway in gateways:
        gateway.start()
    operator.apply(image_model())
    assert wait(operator, "canvas", 120).returncode == 0
    ready = operator.condition("imagemodel", "canvas", "Ready")

    gateways[0].stop()
    operator.apply(image_model("sketch"))
    operator.wait_for_condition("imagemodel", "sketch", "Programmed", "False")

    assert operator.condition("imagemodel", "canvas", "Ready") == ready
    operator.stop()
    operator.start(TINTYPE_GATEWAY_STATUS_URLS=gateways[0].url)
    operator.apply(image_model("frame"))
    operator.wait_for_condition("imagemodel", "frame", "Programmed", "False")
    assert operator.condition("imagemodel", "canvas", "Ready") == ready


def test_without_gateways_ready_is_unknown(running: Operator) -> None:
    running.apply(image_model())

    condition = running.wait_for_condition("imagemodel", "canvas", "Ready", "Unknown")

    assert condition["reason"] == "NoGateways"


def test_gateways_are_found_by_their_service(operator: Operator) -> None:
    operator.start(TINTYPE_GATEWAY_SERVICE="tintype")
    operator.apply(image_model())
    operator.wait_for_condition("imagemodel", "canvas", "Ready", "Unknown")

    operator.apply(_endpoint_slice("tintype"))

    # An address for documentation (RFC 5737), at which no server responds.
    condition = operator.wait_for_condition("imagemodel", "canvas", "Ready", "False")
    assert "0 of 1 gateways" in condition["message"]


def _endpoint_slice(service: str) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": service, "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": True}}],
        "ports": [{"name": "admin", "port": 9090, "protocol": "TCP"}],
    }
