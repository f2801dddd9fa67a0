"""The HorizontalPodAutoscaler of the chart before the real controller of Kubernetes, which decides
as our arithmetic does."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tintype_testing.chart import Helm, Values, find
from tintype_testing.cluster.binaries import BinariesMissingError, find_binaries
from tintype_testing.cluster.control_plane import CONTROLLERS, LOOPBACK, ControlPlane
from tintype_testing.custom_metrics import CustomMetrics, running_custom_metrics
from tintype_testing.horizontal_autoscaler import History, Pods, decide, scaler_of
from tintype_testing.requirements import missing
from tintype_testing.waiting import eventually_blocking

IN_FLIGHT = "tintype_http_requests_in_flight"
RESERVED = "tintype_memory_reserved_ratio"

AT_ONCE = {
    "stabilizationWindowSeconds": 0,
    "policies": [{"type": "Pods", "value": 100, "periodSeconds": 1}],
}

VALUES: Values = {
    "database": {"existingSecret": "ledger"},
    "autoscaling": {
        "enabled": True,
        "mode": "load",
        "behavior": {"scaleUp": AT_ONCE, "scaleDown": AT_ONCE},
    },
}

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

NAMES = ("tintype-gateway",)
KINDS = ("ServiceAccount", "Deployment", "HorizontalPodAutoscaler")


@pytest.fixture(scope="module")
def scaling_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane whose controller manager scales, once a second."""
    try:
        binaries = find_binaries()
    except BinariesMissingError as error:
        missing(str(error))
    if not (binaries / "kube-controller-manager").exists():
        missing(f"there is no kube-controller-manager in {binaries}")
    reach = replace(
        LOOPBACK,
        controllers=(*CONTROLLERS, "horizontal-pod-autoscaler-controller"),
        controller_manager_flags=("--horizontal-pod-autoscaler-sync-period=1s",),
    )
    control_plane = ControlPlane(tmp_path_factory.mktemp("scaling"), binaries, reach)
    try:
        control_plane.start()
        yield control_plane
    finally:
        control_plane.stop()


@pytest.fixture
def metrics(scaling_cluster: ControlPlane) -> Iterator[CustomMetrics]:
    with running_custom_metrics(scaling_cluster) as metrics:
        metrics.values = {IN_FLIGHT: {}, RESERVED: {}}
        yield metrics


class Release:
    """The gateways of a release, which no kubelet runs, and their autoscaler."""

    def __init__(self, helm: Helm, cluster: ControlPlane, metrics: CustomMetrics) -> None:
        self._cluster, self._metrics = cluster, metrics
        self._namespace = cluster.create_namespace()
        objects = helm.objects(VALUES, namespace=self._namespace)
        self.spec = find(objects, "HorizontalPodAutoscaler", "tintype-gateway")["spec"]
        cluster.apply(*(each for each in objects if each["kind"] in KINDS and _name(each) in NAMES))

    def settle(self, replicas: int) -> list[str]:
        """Wait for this number of pods, let all be ready, and return their names."""

        def look() -> list[str]:
            names = self._pods()
            is_settled = len(names) == replicas and all(map(self._make_ready, names))
            return names if is_settled else []

        return eventually_blocking(look, f"{replicas} pods")

    def _make_ready(self, pod: str) -> bool:
        """Write that a pod is ready, and return whether it was still there."""
        condition = {"type": "Ready", "status": "True"}
        status = {"status": {"phase": "Running", "conditions": [condition]}}
        patch = ("patch", "pod", pod, "--subresource=status", "--type=merge")
        command = ("--namespace", self._namespace, *patch, "-p", json.dumps(status))
        return self._cluster.try_kubectl(*command).returncode == 0

    def keep(self, pods: Sequence[str]) -> None:
        """Let other pods be removed before these, which the ReplicaSet chooses otherwise."""
        for pod in pods:
            self._kubectl("annotate", "--overwrite", "pod", pod, f"{DELETION_COST}=1")

    def serve(self, values: Mapping[str, Mapping[str, float]]) -> None:
        """Let the metrics have these values from now on."""
        self._metrics.values = {
            metric: {pod: round(1000 * value) for pod, value in each.items()}
            for metric, each in values.items()
        }

    def sees(self, metric: str, average: float) -> bool:
        """Whether the controller has seen this average of a metric."""
        found = {
            each["pods"]["metric"]["name"]: each["pods"]["current"].get("averageValue")
            for each in self._status().get("currentMetrics") or ()
            if each.get("type") == "Pods"
        }
        return _thousandths(found.get(metric)) == round(1000 * average)

    def desired(self) -> int:
        return int(self._status().get("desiredReplicas", 0))

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        try:
            eventually_blocking(condition, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; last seen: {self._status()}") from None

    def _pods(self) -> list[str]:
        items = json.loads(self._kubectl("get", "pods", "-o", "json"))["items"]
        return [_name(pod) for pod in items if "deletionTimestamp" not in pod["metadata"]]

    def _status(self) -> dict[str, Any]:
        path = f"/apis/autoscaling/v2/namespaces/{self._namespace}/horizontalpodautoscalers"
        found = self._cluster.fetch(f"{path}/tintype-gateway") or {}
        return dict(found.get("status") or {})

    def _kubectl(self, *arguments: str) -> str:
        return self._cluster.kubectl("--namespace", self._namespace, *arguments)


def _name(found: Mapping[str, Any]) -> str:
    return str(found["metadata"]["name"])


def _thousandths(quantity: str | None) -> int | None:
    if quantity is None:
        return None
    return int(quantity[:-1]) if quantity.endswith("m") else 1000 * int(quantity)


LOADS = [
    (600, 0.3, 0),  # more in flight than the target
    (540, 0.2, 0),  # within the tolerance
    (700, 0.3, 1),  # more than the target, but for the pod without a value
    (500, 0.9, 0),  # more memory than the target
    (100, 0.5, 0),  # memory decides
    (20, 0.06, 2),  # less than the target, but for the pods without a value
    (0, 0.0, 0),  # nothing to do
]
"""Requests in flight and reserved memory of each pod, and the pods without values, one after the
other."""


@pytest.mark.timeout(1200)
def test_the_controller_decides_as_the_arithmetic_does(
    helm: Helm, scaling_cluster: ControlPlane, metrics: CustomMetrics
) -> None:
    release = Release(helm, scaling_cluster, metrics)
    scaler = scaler_of(release.spec)
    replicas, numbers = scaler.min_replicas, []

    for in_flight, reserved, unknown in LOADS:
        pods = release.settle(replicas)
        values = {
            IN_FLIGHT: dict.fromkeys(pods[unknown:], float(in_flight)),
            RESERVED: dict.fromkeys(pods[unknown:], reserved),
        }
        # Without those of which nothing is known, fewer pods would be desired a second later.
        release.keep(pods[:unknown])
        release.serve(values)
        found = Pods(frozenset(pods), values=values)
        expected, _ = decide(scaler, History(), found, replicas, 0)
        if expected == replicas:
            release.wait(lambda: release.sees(IN_FLIGHT, in_flight), "the metric is seen")  # noqa: B023
        release.wait(lambda: release.desired() == expected, f"{expected} pods are desired")  # noqa: B023
        numbers.append(expected)
        replicas = expected

    assert numbers == [3, 3, 3, 5, 5, 3, 2]
