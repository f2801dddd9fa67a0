"""The programs run with the environment and the permissions that the chart gives them. There is no
kubelet: the tests replace folders, and put tokens into a kubeconfig."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tintype_testing.chart import Helm, Object, find
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.manifests import image_model, provider_binding
from tintype_testing.operator import Operator, secret
from tintype_testing.waiting import eventually_blocking

HOST = "127.0.0.1"


def environment(objects: list[Object], name: str) -> dict[str, str]:
    """The environment in the Deployment of a program, without the fields that depend on its pod."""
    deployment = find(objects, "Deployment", f"tintype-{name}")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}


def kubeconfig(cluster: ControlPlane, objects: list[Object], namespace: str, name: str) -> Path:
    """A kubeconfig with the permissions of a program's Role."""
    rules = find(objects, "Role", f"tintype-{name}")["rules"]
    return cluster.service_account_kubeconfig(namespace, f"tintype-{name}", rules)


@pytest.fixture(params=[1, 2], ids=["one operator", "an elected operator"])
def objects(
    request: pytest.FixtureRequest, helm: Helm, cluster_with_crds: ControlPlane, namespace: str
) -> list[Object]:
    """A release with the Deployment of its operator, the owner of what the operator writes."""
    objects = helm.objects({"operator": {"replicas": request.param}}, namespace=namespace)
    cluster_with_crds.apply(find(objects, "Deployment", "tintype-operator"))
    return objects


@pytest.fixture
def operator(
    cluster_with_crds: ControlPlane, namespace: str, objects: list[Object], tmp_path: Path
) -> Iterator[Operator]:
    operator = Operator(cluster_with_crds, namespace, tmp_path)
    operator.kubeconfig = kubeconfig(cluster_with_crds, objects, namespace, "operator")
    try:
        operator.start(**environment(objects, "operator"))
        yield operator
    finally:
        operator.close()


@pytest.fixture
def gateway(
    cluster_with_crds: ControlPlane, namespace: str, objects: list[Object], tmp_path: Path
) -> Iterator[GatewayProcess]:
    for folder in ("catalog", "credentials"):
        (tmp_path / folder).mkdir()
    environ = {
        name: value.replace("/etc/tintype", str(tmp_path))
        for name, value in environment(objects, "gateway").items()
    }
    login = kubeconfig(cluster_with_crds, objects, namespace, "gateway")
    environ |= {"TINTYPE_KUBECONFIG": str(login), "TINTYPE_DATA_DIR": str(tmp_path / "data")}
    environ |= {"TINTYPE_HOST": HOST, "TINTYPE_ADMIN_HOST": HOST}
    with running_process(tmp_path, environ=environ) as gateway:
        yield gateway


def test_the_operator_publishes_the_catalog_and_copies_credentials(operator: Operator) -> None:
    operator.apply(
        secret("openai", **{"api-key": "sk-anything"}), image_model(), provider_binding()
    )

    operator.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "True")
    operator.wait_for_models("canvas")
    assert "openai.api-key" in operator.get("secret", "tintype-credentials")["data"]
    assert "forbidden" not in operator.process.output().lower()


def test_objects_of_the_operator_are_deleted_with_its_deployment(operator: Operator) -> None:
    operator.apply(secret("openai", **{"api-key": "sk-anything"}), provider_binding())
    eventually_blocking(
        lambda: operator.get("secret", "tintype-credentials"), "the gathered credentials"
    )
    operator.stop()

    operator.delete("deployment", "tintype-operator")

    eventually_blocking(lambda: not operator.get("configmap", "tintype-catalog"), "no catalog")
    eventually_blocking(lambda: not operator.get("secret", "tintype-credentials"), "no credentials")


def test_helm_test_passes_once_a_gateway_serves(
    objects: list[Object], operator: Operator, gateway: GatewayProcess
) -> None:
    pod = find(objects, "Pod", "tintype-test")
    (container,) = pod["spec"]["containers"]
    environ = os.environ | {"API": gateway.url, "ADMIN": gateway.admin_url}

    command = [sys.executable, "-c", container["command"][-1]]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stderr
    assert "asks for a key" in ended.stdout
