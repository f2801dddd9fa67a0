"""What scales gateways and workers: a HorizontalPodAutoscaler, or a ScaledObject of KEDA."""

from typing import Any

import pytest
import yaml

from tintype_testing.chart import CHART, Helm, Object, Values, find
from tintype_testing.cluster.building import BuildError
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.keda import NAMES, definitions
from tintype_testing.requirements import missing

PROMETHEUS = "http://prometheus.monitoring.svc:9090"

SHARED: Values = {"database": {"existingSecret": "ledger"}, "s3": {"bucket": "images"}}

AUTHENTICATION = {"name": "prometheus", "kind": "ClusterTriggerAuthentication", "modes": "bearer"}

KEDA = {"serverAddress": PROMETHEUS, "authentication": AUTHENTICATION}


def gateways(**scaling: Any) -> Values:
    """The values of a release whose gateways scale."""
    return SHARED | {"autoscaling": {"enabled": True, "keda": KEDA} | scaling}


def workers(**scaling: Any) -> Values:
    """The values of a release whose workers scale."""
    autoscaling = {"enabled": True} | scaling
    return SHARED | {
        "autoscaling": {"keda": KEDA},
        "jobs": {"enabled": True, "workers": {"enabled": True, "autoscaling": autoscaling}},
    }


def scalers(objects: list[Object]) -> set[str]:
    kinds = ("HorizontalPodAutoscaler", "ScaledObject")
    return {
        f"{each['kind']}/{each['metadata']['name']}" for each in objects if each["kind"] in kinds
    }


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("cpu", "HorizontalPodAutoscaler"),
        ("load", "HorizontalPodAutoscaler"),
        ("keda", "ScaledObject"),
    ],
)
def test_one_scaler_decides_on_the_number_of_gateways(helm: Helm, mode: str, kind: str) -> None:
    objects = helm.objects(gateways(mode=mode) | {"gateway": {"replicas": 7}})

    assert scalers(objects) == {f"{kind}/tintype-gateway"}
    target = find(objects, kind, "tintype-gateway")["spec"]["scaleTargetRef"]["name"]
    assert "replicas" not in find(objects, "Deployment", target)["spec"]


@pytest.mark.parametrize(
    ("mode", "kind"), [("cpu", "HorizontalPodAutoscaler"), ("keda", "ScaledObject")]
)
def test_one_scaler_decides_on_the_number_of_workers(helm: Helm, mode: str, kind: str) -> None:
    objects = helm.objects(workers(mode=mode))

    assert scalers(objects) == {f"{kind}/tintype-worker"}
    target = find(objects, kind, "tintype-worker")["spec"]["scaleTargetRef"]["name"]
    assert "replicas" not in find(objects, "Deployment", target)["spec"]


def test_gateways_scale_by_requests_in_flight_and_reserved_memory(helm: Helm) -> None:
    values = gateways(mode="load", targetRequestsInFlight=300, targetReservedMemoryPercentage=55)
    scaler = find(helm.objects(values), "HorizontalPodAutoscaler", "tintype-gateway")

    targets = {
        metric["pods"]["metric"]["name"]: metric["pods"]["target"]["averageValue"]
        for metric in scaler["spec"]["metrics"]
    }
    assert targets == {
        "tintype_http_requests_in_flight": "300",
        "tintype_memory_reserved_ratio": "550m",
    }


def test_the_rules_for_the_adapter_offer_what_gateways_scale_by(helm: Helm) -> None:
    scaler = find(helm.objects(gateways(mode="load")), "HorizontalPodAutoscaler", "tintype-gateway")

    wanted = {metric["pods"]["metric"]["name"] for metric in scaler["spec"]["metrics"]}
    rules = yaml.safe_load((CHART / "monitoring" / "prometheus-adapter.yaml").read_text())["rules"]
    assert {rule["name"]["as"] for rule in rules["custom"]} == wanted


@pytest.mark.parametrize("mode", ["cpu", "load", "keda"])
def test_gateways_go_away_slowly_unless_a_value_says_otherwise(helm: Helm, mode: str) -> None:
    def behavior(**scaling: Any) -> dict[str, Any]:
        objects = helm.objects(gateways(mode=mode, **scaling))
        if mode == "keda":
            advanced = find(objects, "ScaledObject", "tintype-gateway")["spec"]["advanced"]
            return dict(advanced["horizontalPodAutoscalerConfig"]["behavior"])
        return dict(find(objects, "HorizontalPodAutoscaler", "tintype-gateway")["spec"]["behavior"])

    assert behavior()["scaleDown"]["stabilizationWindowSeconds"] == 300
    changed = behavior(behavior={"scaleDown": {"stabilizationWindowSeconds": 900}})
    assert changed["scaleDown"]["stabilizationWindowSeconds"] == 900


def triggers(objects: list[Object], name: str) -> dict[str, dict[str, Any]]:
    """The triggers of a ScaledObject by their name."""
    found = find(objects, "ScaledObject", f"tintype-{name}")["spec"]["triggers"]
    return {trigger["name"]: trigger for trigger in found}


def test_keda_scales_gateways_by_the_same_two_figures(helm: Helm) -> None:
    objects = helm.objects(gateways(mode="keda", targetRequestsInFlight=300, maxReplicas=40))

    spec = find(objects, "ScaledObject", "tintype-gateway")["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (2, 40)
    thresholds = {
        name: trigger["metadata"]["threshold"]
        for name, trigger in triggers(objects, "gateway").items()
    }
    assert thresholds == {"requests-in-flight": "300", "reserved-memory": "0.60"}


def test_keda_scales_workers_by_their_queue_and_its_age(helm: Helm) -> None:
    values = workers(mode="keda", minReplicas=0, targetQueueSeconds=90)
    objects = helm.objects(values)

    assert find(objects, "ScaledObject", "tintype-worker")["spec"]["minReplicaCount"] == 0
    thresholds = {
        name: trigger["metadata"]["threshold"]
        for name, trigger in triggers(objects, "worker").items()
    }
    assert thresholds == {"jobs": "16", "oldest-job": "90"}


@pytest.mark.parametrize("values", [gateways(mode="keda"), workers(mode="keda")])
def test_pods_that_run_stay_while_prometheus_is_away(helm: Helm, values: Values) -> None:
    (spec,) = [each["spec"] for each in helm.objects(values) if each["kind"] == "ScaledObject"]

    assert spec["fallback"]["behavior"] == "currentReplicasIfHigher"
    assert spec["fallback"]["replicas"] >= spec["minReplicaCount"]
    for trigger in spec["triggers"]:  # KEDA has a fallback for this type alone
        assert trigger["metricType"] == "AverageValue"
        assert trigger["metadata"]["ignoreNullValues"] == "false"


def test_keda_authenticates_to_prometheus_if_a_value_says_by_what(helm: Helm) -> None:
    trigger = triggers(helm.objects(gateways(mode="keda")), "gateway")["requests-in-flight"]
    assert trigger["authenticationRef"] == {
        "name": "prometheus",
        "kind": "ClusterTriggerAuthentication",
    }
    assert trigger["metadata"]["authModes"] == "bearer"

    plain = helm.objects(gateways(mode="keda", keda={"serverAddress": PROMETHEUS}))
    trigger = triggers(plain, "gateway")["requests-in-flight"]
    assert "authenticationRef" not in trigger
    assert "authModes" not in trigger["metadata"]


@pytest.fixture(scope="module")
def cluster_with_keda(cluster_with_crds: ControlPlane) -> ControlPlane:
    """A cluster that knows the kinds of KEDA."""
    try:
        files = definitions()
    except BuildError as error:
        missing(f"no definitions of KEDA: {error}")
    for file in files:
        cluster_with_crds.kubectl("apply", "--server-side", "-f", str(file))
    established = [f"crd/{name}.keda.sh" for name in NAMES]
    cluster_with_crds.kubectl("wait", "--for=condition=Established", "--timeout=120s", *established)
    return cluster_with_crds


ACCEPTED: dict[str, Values] = {
    "gateways by load": gateways(mode="load"),
    "gateways by KEDA": gateways(mode="keda"),
    "workers by KEDA": workers(mode="keda", minReplicas=0),
    "no authentication": gateways(mode="keda", keda={"serverAddress": PROMETHEUS}),
    "a behavior of your own": gateways(
        mode="keda",
        behavior={"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}},
    ),
}


@pytest.mark.parametrize("values", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_the_api_server_accepts_the_scalers(
    helm: Helm, cluster_with_keda: ControlPlane, namespace: str, values: Values
) -> None:
    manifests = helm.render(values, namespace=namespace)

    ended = cluster_with_keda.try_kubectl(
        *("apply", "--dry-run=server", "--validate=strict", "-f", "-"), stdin=manifests
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ".autoscaling/" in ended.stdout or ".keda.sh/" in ended.stdout


def test_the_api_server_refuses_a_scaled_object_that_keda_does_not_know(
    helm: Helm, cluster_with_keda: ControlPlane, namespace: str
) -> None:
    scaler = find(
        helm.objects(gateways(mode="keda"), namespace=namespace), "ScaledObject", "tintype-gateway"
    )
    scaler["spec"]["fallback"]["behavior"] = "stay"

    ended = cluster_with_keda.try_kubectl(
        *("apply", "--dry-run=server", "-f", "-"), stdin=yaml.safe_dump(scaler)
    )

    assert "spec.fallback.behavior" in ended.stderr
