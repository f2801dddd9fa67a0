"""A real API server accepts the objects of the chart, without warnings."""

import pytest

from tests.charts.values import MATRIX
from tintype_testing.chart import Helm, Values
from tintype_testing.cluster.control_plane import ControlPlane


@pytest.fixture(scope="module")
def restricted(cluster_with_crds: ControlPlane) -> str:
    """A namespace that enforces and warns of the Pod Security Standard `restricted`."""
    namespace = cluster_with_crds.create_namespace()
    levels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
    cluster_with_crds.kubectl("label", "namespace", namespace, *levels)
    return namespace


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_the_api_server_accepts_all_objects_without_a_warning(
    helm: Helm, cluster_with_crds: ControlPlane, restricted: str, values: Values
) -> None:
    manifests = helm.render(values, namespace=restricted)

    ended = cluster_with_crds.try_kubectl(
        *("apply", "--dry-run=server", "--validate=strict", "-f", "-"), stdin=manifests
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "deployment.apps/" in ended.stdout
