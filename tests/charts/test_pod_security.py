"""Every pod of every set of values is admitted where the Pod Security Standard `restricted` is
enforced: those of Deployments, Jobs, CronJobs, hooks and tests."""

import copy
import json
from collections.abc import Iterator

import pytest

from tests.charts.values import MATRIX
from tintype_testing.chart import Helm, Object, Values
from tintype_testing.cluster.control_plane import ControlPlane


def pods(objects: list[Object]) -> Iterator[Object]:
    """Yield a Pod for each template, named like its object."""
    for found in objects:
        template = _template(found)
        if template is not None:
            name = f"{found['kind'].lower()}-{found['metadata']['name']}"
            metadata = {"name": name, "labels": template["metadata"]["labels"]}
            spec = copy.deepcopy(template["spec"])
            spec.pop("serviceAccountName", None)  # not admitted before it exists
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _template(found: Object) -> Object | None:
    kind = found["kind"]
    if kind == "Pod":
        return found
    if kind == "CronJob":
        return dict(found["spec"]["jobTemplate"]["spec"]["template"])
    if kind in {"Deployment", "Job"}:
        return dict(found["spec"]["template"])
    return None


@pytest.fixture(scope="module")
def restricted(cluster: ControlPlane) -> str:
    """A namespace that enforces the Pod Security Standard `restricted`."""
    namespace = cluster.create_namespace()
    label = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("label", "namespace", namespace, label)
    return namespace


def create(cluster: ControlPlane, namespace: str, *objects: Object) -> tuple[str, str]:
    """Create objects without storing them, and return kubectl's output and its errors."""
    ended = cluster.try_kubectl(
        *("create", "--dry-run=server", "--namespace", namespace, "-f", "-"),
        stdin="\n---\n".join(map(json.dumps, objects)),
    )
    return ended.stdout, ended.stderr


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_every_pod_is_admitted(
    helm: Helm, cluster: ControlPlane, restricted: str, values: Values
) -> None:
    rendered = list(pods(helm.objects(values)))

    output, errors = create(cluster, restricted, *rendered)

    assert errors == ""
    assert output.count(" created") == len(rendered) >= 3


def test_the_sets_of_values_have_pods_of_every_kind(helm: Helm) -> None:
    names = {
        pod["metadata"]["name"] for values in MATRIX.values() for pod in pods(helm.objects(values))
    }

    components = ("operator", "gateway", "worker", "simulator")
    assert names >= {f"deployment-tintype-{component}" for component in components}
    assert names >= {"job-tintype-crds", "job-tintype-job-keys", "pod-tintype-test"}
    assert names >= {"cronjob-tintype-ledger-archive", "cronjob-tintype-ledger-backup"}


def test_a_pod_that_may_become_root_is_refused(
    helm: Helm, cluster: ControlPlane, restricted: str
) -> None:
    pod = next(pods(helm.objects({})))
    pod["spec"]["securityContext"]["runAsNonRoot"] = False

    _, errors = create(cluster, restricted, pod)

    assert 'violates PodSecurity "restricted' in errors
