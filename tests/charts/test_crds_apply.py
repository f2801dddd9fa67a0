"""`tintype crds apply` upgrades the CustomResourceDefinitions, which Helm never does."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tintype_cli.crds import FIELD_MANAGER, main
from tintype_testing.cluster.control_plane import CRDS, ControlPlane

MODELS = "imagemodels.tintype.dev"


def apply(kubeconfig: Path) -> int:
    return main(["apply", "--kubeconfig", str(kubeconfig)])


def version(cluster: ControlPlane) -> str:
    found = json.loads(cluster.kubectl("get", "crd", MODELS, "-o", "json"))
    return str(found["metadata"]["resourceVersion"])


@pytest.fixture
def altered(cluster_with_crds: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster with a modified definition."""
    names = {"spec": {"names": {"shortNames": ["other"]}}}
    cluster_with_crds.kubectl("patch", "crd", MODELS, "--type=merge", "-p", json.dumps(names))
    yield cluster_with_crds
    cluster_with_crds.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))


def test_definitions_are_upgraded_to_those_of_the_program(altered: ControlPlane) -> None:
    assert apply(altered.kubeconfig) == 0

    found = json.loads(altered.kubectl("get", "crd", MODELS, "-o", "json", "--show-managed-fields"))
    assert found["spec"]["names"]["shortNames"] == ["im"]
    assert FIELD_MANAGER in {entry["manager"] for entry in found["metadata"]["managedFields"]}


def test_applying_definitions_again_changes_nothing(altered: ControlPlane) -> None:
    apply(altered.kubeconfig)
    before = version(altered)

    assert apply(altered.kubeconfig) == 0
    assert version(altered) == before


def test_missing_permissions_are_reported(
    cluster_with_crds: ControlPlane, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = cluster_with_crds.service_account_kubeconfig(namespace, "stranger", [])

    assert apply(stranger) == 1
    assert "cannot patch resource" in capsys.readouterr().err
