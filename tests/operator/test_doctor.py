"""`tintype doctor` against an API server and a running operator."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.walking import called
from tintype_cli.crds import DEFINITIONS
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.gateway_process import running_process
from tintype_testing.manifests import Manifest, image_model, provider_binding
from tintype_testing.operator import CONFIGMAP, Operator

Finding = Mapping[str, str]


@pytest.fixture
def capture(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.CaptureFixture[str]:
    monkeypatch.chdir(tmp_path)
    return capsys


def examine(
    capture: pytest.CaptureFixture[str], kubeconfig: Path, namespace: str, *arguments: str
) -> tuple[int, list[Finding]]:
    """Return the exit code and the findings."""
    named = ("--kubeconfig", str(kubeconfig), "--namespace", namespace)
    code = called("doctor", "--json", *named, *arguments)
    found: list[Finding] = json.loads(capture.readouterr().out)
    return code, found


def of(check: str, found: list[Finding]) -> list[Finding]:
    return [each for each in found if each["check"] == check]


def test_an_operator_and_a_gateway_that_serves_its_catalog_have_no_problem(
    running: Operator, capture: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    running.apply(image_model(), provider_binding())
    running.wait_for_condition("providerbinding", "canvas-openai", "Accepted", "True")
    running.wait_for_condition("imagemodel", "canvas", "Accepted", "True")
    reader = running.cluster.kubeconfig
    watching = ("--catalog-configmap", CONFIGMAP, "--kubeconfig", str(reader))
    with running_process(tmp_path, *watching, "--namespace", running.namespace) as gateway:
        code, found = examine(
            capture, reader, running.namespace, "--gateway", gateway.admin_url, "--no-providers"
        )

    assert [each for each in found if each["level"] != "ok"] == []
    assert {each["check"] for each in found} == {
        *("api-server", "rights", "crds", "catalog", "objects", "gateway", "clock")
    }
    assert "1 models, 1 bindings" in of("catalog", found)[0]["message"]
    assert code == 0


def test_a_gateway_with_another_catalog_is_a_problem(
    running: Operator, capture: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    running.apply(image_model(), provider_binding())
    running.wait_for_models("canvas")
    with running_process(tmp_path, "--simulate") as gateway:
        code, found = examine(
            capture,
            running.cluster.kubeconfig,
            running.namespace,
            *("--gateway", gateway.admin_url, "--no-providers"),
        )

    (finding,) = of("gateway", found)
    assert finding["level"] == "problem"
    assert "and not" in finding["message"]
    assert code == 1


def test_rights_that_the_operator_lacks_are_named(
    running: Operator, capture: pytest.CaptureFixture[str]
) -> None:
    kubeconfig = running.cluster.service_account_kubeconfig(running.namespace, "nobody", [])

    _, found = examine(capture, kubeconfig, running.namespace)

    operator, gateway = of("rights", found)
    assert "list imagemodels" in operator["message"]
    assert "watch configmaps/tintype-catalog" in gateway["message"]
    assert {operator["level"], gateway["level"]} == {"warning"}


def test_a_namespace_without_an_operator_has_no_catalog(
    cluster_with_crds: ControlPlane, namespace: str, capture: pytest.CaptureFixture[str]
) -> None:
    code, found = examine(capture, cluster_with_crds.kubeconfig, namespace)

    (finding,) = of("catalog", found)
    assert "start the operator" in finding["advice"]
    assert code == 1


def test_a_refused_object_is_named(running: Operator, capture: pytest.CaptureFixture[str]) -> None:
    running.apply(provider_binding("orphan", modelRef={"name": "no-such-model"}))
    running.wait_for_condition("providerbinding", "orphan", "Ready", "False")

    code, found = examine(capture, running.cluster.kubeconfig, running.namespace)

    assert any("ProviderBinding/orphan" in each["message"] for each in of("objects", found))
    assert code == 1


def test_a_definition_of_another_version_is_a_problem(
    cluster_with_crds: ControlPlane, namespace: str, capture: pytest.CaptureFixture[str]
) -> None:
    name = "imagemodels.tintype.dev"
    path = DEFINITIONS.path("", name)
    stored = cluster_with_crds.fetch(path)
    assert stored is not None
    names = stored["spec"]["names"]
    shorter = json.dumps({"spec": {"names": {**names, "shortNames": ["other"]}}})
    patch = ("patch", "customresourcedefinition", name, "--type", "merge", "-p")
    cluster_with_crds.kubectl(*patch, shorter)
    try:
        _, found = examine(capture, cluster_with_crds.kubeconfig, namespace)
    finally:
        cluster_with_crds.kubectl(*patch, json.dumps({"spec": {"names": names}}))

    (finding,) = of("crds", found)
    assert finding["level"] == "problem"
    assert name in finding["message"]


def test_an_api_server_that_is_unreachable_is_a_problem(
    capture: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, found = examine(capture, tmp_path / "no-such-file", "images")

    (finding,) = of("api-server", found)
    assert finding["level"] == "problem"
    assert code == 1


ELSEWHERE = "198.51.100.1"
"""An address for documentation (RFC 5737): an API server takes none of this machine's loopback."""


def endpoint_slice(service: str, address: str) -> Manifest:
    labels = {"kubernetes.io/service-name": service}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": service, "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [
            {"name": "http", "port": 8080, "protocol": "TCP"},
            {"name": "admin", "port": 9090, "protocol": "TCP"},
        ],
    }


def test_every_pod_behind_a_service_is_asked_at_its_admin_port(
    running: Operator, capture: pytest.CaptureFixture[str]
) -> None:
    running.apply(endpoint_slice("gateways", ELSEWHERE), endpoint_slice("others", "198.51.100.2"))

    named = ("--gateway-service", "gateways")
    code, found = examine(capture, running.cluster.kubeconfig, running.namespace, *named)

    (finding,) = of("gateway", found)
    assert finding["level"] == "problem"
    assert f"http://{ELSEWHERE}:9090" in finding["message"]
    assert code == 1
