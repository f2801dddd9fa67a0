"""The test harness works, and the client works with a real API server."""

import json
import re
from contextlib import aclosing
from pathlib import Path

import pytest

from tintype_kubernetes.client import KubernetesObject, connect
from tintype_kubernetes.config import load_kubeconfig
from tintype_kubernetes.errors import ConflictError, ForbiddenError, NotFoundError
from tintype_kubernetes.resources import CONFIGMAPS, SECRETS
from tintype_testing.cluster.control_plane import ControlPlane

ONE_CONFIGMAP = {
    "apiGroups": [""],
    "resources": ["configmaps"],
    "resourceNames": ["catalog"],
    "verbs": ["get", "list", "watch", "create", "patch", "delete"],
}
BY_NAME = "metadata.name=catalog"


@pytest.fixture
def least_privileged(cluster: ControlPlane, namespace: str) -> Path:
    return cluster.service_account_kubeconfig(namespace, "catalog", [ONE_CONFIGMAP])


def configmap(namespace: str, **data: str) -> KubernetesObject:
    metadata = {"namespace": namespace, "name": "catalog"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_the_server_reports_a_version_that_a_chart_can_check(cluster: ControlPlane) -> None:
    version = json.loads(cluster.kubectl("version", "-o", "json"))

    assert re.match(r"v1\.[0-9]+\.[0-9]+", version["serverVersion"]["gitVersion"])


def test_a_failing_kubectl_fails_the_test(cluster: ControlPlane) -> None:
    with pytest.raises(AssertionError, match="NotFound"):
        cluster.kubectl("get", "configmap", "absent")


async def test_a_service_account_has_only_the_permissions_of_its_role(
    least_privileged: Path, namespace: str
) -> None:
    async with connect(load_kubeconfig(least_privileged)) as client:
        await client.apply(CONFIGMAPS, configmap(namespace, a="1"), field_manager="tests")
        with pytest.raises(ForbiddenError):
            await client.list(SECRETS, namespace)


async def test_applying_an_equal_object_changes_nothing(
    least_privileged: Path, namespace: str
) -> None:
    async with connect(load_kubeconfig(least_privileged)) as client:
        first = await client.apply(CONFIGMAPS, configmap(namespace, a="1"), field_manager="tests")
        second = await client.apply(CONFIGMAPS, configmap(namespace, a="1"), field_manager="tests")

    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_create_and_delete_report_conflicts_and_missing_objects(
    cluster: ControlPlane, namespace: str
) -> None:
    async with connect(load_kubeconfig(cluster.kubeconfig)) as client:
        await client.create(CONFIGMAPS, configmap(namespace))
        with pytest.raises(ConflictError):
            await client.create(CONFIGMAPS, configmap(namespace))
        await client.delete(CONFIGMAPS, namespace, "catalog")
        with pytest.raises(NotFoundError):
            await client.delete(CONFIGMAPS, namespace, "catalog")


async def test_one_object_of_a_megabyte_can_be_listed_and_watched_by_its_name(
    least_privileged: Path, namespace: str
) -> None:
    async with connect(load_kubeconfig(least_privileged)) as client:
        before = await client.list(CONFIGMAPS, namespace, field_selector=BY_NAME)
        large = configmap(namespace, a="x" * 1_000_000)
        await client.apply(CONFIGMAPS, large, field_manager="tests")
        changes = client.watch(
            CONFIGMAPS, namespace, before.resource_version, field_selector=BY_NAME
        )
        async with aclosing(changes):
            event = await anext(changes)

    assert before.items == ()
    assert event.type == "ADDED"
    assert event.object["data"] == large["data"]


async def test_a_list_longer_than_a_page_is_complete(cluster: ControlPlane, namespace: str) -> None:
    named = [configmap(namespace) | {"metadata": {"name": f"c{n}"}} for n in range(601)]
    items = {"apiVersion": "v1", "kind": "List", "items": named}
    cluster.kubectl("create", "--namespace", namespace, "-f", "-", stdin=json.dumps(items))

    async with connect(load_kubeconfig(cluster.kubeconfig)) as client:
        listed = await client.list(CONFIGMAPS, namespace)

    names = {item["metadata"]["name"] for item in listed.items}
    assert {f"c{n}" for n in range(601)} <= names
