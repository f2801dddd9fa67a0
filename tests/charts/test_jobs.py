"""The jobs of a release: their settings, their key, and the workers that run them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tintype_cli.jobkeys import main
from tintype_testing.chart import Helm, Object, Values, find
from tintype_testing.cluster.control_plane import ControlPlane

HOOKS = ("ServiceAccount", "Role", "RoleBinding", "Job")

JOBS: Values = {
    "jobs": {"enabled": True},
    "database": {"existingSecret": "ledger"},
    "s3": {"bucket": "images"},
    "gateway": {"replicas": 2},
}

WORKERS: Values = JOBS | {"jobs": {"enabled": True, "workers": {"enabled": True}}}


def pod(objects: list[Object], name: str) -> dict[str, Any]:
    """The pod template of a Deployment."""
    template = find(objects, "Deployment", f"tintype-{name}")["spec"]["template"]
    return dict(template)


def environ(objects: list[Object], name: str) -> dict[str, str | None]:
    (container,) = pod(objects, name)["spec"]["containers"]
    return {entry["name"]: entry.get("value") for entry in container["env"]}


def names(objects: list[Object], *kinds: str) -> set[str]:
    return {each["metadata"]["name"] for each in objects if each["kind"] in kinds}


def test_without_the_value_gateways_take_no_jobs_and_there_is_no_key(helm: Helm) -> None:
    objects = helm.objects({})

    assert environ(objects, "gateway")["TINTYPE_JOBS_ENABLED"] == "false"
    assert "TINTYPE_JOBS_KEY_FILE" not in environ(objects, "gateway")
    assert "tintype-job-keys" not in names(objects, *HOOKS)


def test_gateways_have_the_settings_of_jobs(helm: Helm) -> None:
    jobs = {
        "enabled": True,
        "concurrency": 4,
        "maxQueued": 10,
        "maxRunning": 2,
        "maxUploadBytes": 1048576,
        "maxQueuedSeconds": 3600,
        "retentionSeconds": 7200,
    }
    given = environ(helm.objects(JOBS | {"jobs": jobs}), "gateway")

    figures = ("CONCURRENCY", "MAX_QUEUED", "MAX_RUNNING", "MAX_QUEUED_SECONDS")
    assert [given[f"TINTYPE_JOBS_{name}"] for name in figures] == ["4", "10", "2", "3600"]
    assert given["TINTYPE_JOBS_RETENTION_SECONDS"] == "7200"
    assert given["TINTYPE_JOBS_MAX_UPLOAD_BYTES"] == "1048576"
    assert "TINTYPE_JOBS_ENABLED" not in given


@pytest.mark.parametrize("existing", ["", "my-keys"])
def test_the_key_file_is_that_of_the_secret(helm: Helm, existing: str) -> None:
    key = {"existingSecret": existing, "key": "lines"}
    objects = helm.objects(JOBS | {"jobs": {"enabled": True, "key": key}})

    (gateway,) = pod(objects, "gateway")["spec"]["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in gateway["volumeMounts"]}
    (volume,) = [v for v in pod(objects, "gateway")["spec"]["volumes"] if v["name"] == "job-keys"]
    assert volume["secret"] == {
        "secretName": existing or "tintype-job-keys",
        "items": [{"key": "lines", "path": "keys"}],
    }
    file = environ(objects, "gateway")["TINTYPE_JOBS_KEY_FILE"]
    assert file == f"{mounts['job-keys']}/keys"
    assert ("tintype-job-keys" in names(objects, *HOOKS)) == (not existing)


@pytest.fixture
def key_job(helm: Helm, cluster: ControlPlane, namespace: str) -> tuple[Path, list[str]]:
    """The kubeconfig with the rights of the Job that makes the key, and its arguments."""
    objects = helm.objects(JOBS, namespace=namespace)
    rules = find(objects, "Role", "tintype-job-keys")["rules"]
    kubeconfig = cluster.service_account_kubeconfig(namespace, "tintype-job-keys", rules)
    (container,) = find(objects, "Job", "tintype-job-keys")["spec"]["template"]["spec"][
        "containers"
    ]
    program, command, *arguments = container["command"]
    assert (program, command) == ("tintype", "jobkeys")
    return kubeconfig, arguments


def stored_keys(cluster: ControlPlane, namespace: str) -> str:
    found = cluster.kubectl(
        "get", "secret", "tintype-job-keys", "--namespace", namespace, "-o", "json"
    )
    return base64.b64decode(json.loads(found)["data"]["keys"]).decode()


def test_the_job_makes_a_random_key_once(
    cluster: ControlPlane,
    namespace: str,
    key_job: tuple[Path, list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    kubeconfig, arguments = key_job

    assert main([*arguments, "--kubeconfig", str(kubeconfig)]) == 0
    made = stored_keys(cluster, namespace)
    assert main([*arguments, "--kubeconfig", str(kubeconfig)]) == 0

    assert stored_keys(cluster, namespace) == made
    (line,) = made.splitlines()
    assert len(base64.b64decode(line, validate=True)) == 32
    said = capsys.readouterr().out
    assert said == "secret/tintype-job-keys created\nsecret/tintype-job-keys exists\n"


def test_a_key_that_may_not_be_made_is_reported(
    cluster: ControlPlane, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = cluster.service_account_kubeconfig(namespace, "stranger", [])

    assert main(["create", "--secret", "keys", "--kubeconfig", str(stranger)]) == 1
    assert "cannot create resource" in capsys.readouterr().err


def test_workers_run_the_jobs_and_the_gateways_none(helm: Helm) -> None:
    objects = helm.objects(WORKERS)

    assert environ(objects, "gateway")["TINTYPE_JOBS_CONCURRENCY"] == "0"
    assert environ(objects, "worker")["TINTYPE_JOBS_CONCURRENCY"] == "16"
    assert environ(helm.objects(JOBS), "gateway")["TINTYPE_JOBS_CONCURRENCY"] == "16"
    assert "tintype-worker" not in names(helm.objects(JOBS), "Deployment")


def test_workers_have_what_gateways_have(helm: Helm) -> None:
    objects = helm.objects(WORKERS)
    own = {"TINTYPE_JOBS_CONCURRENCY", "TINTYPE_JOBS_DRAIN_SECONDS"}

    gateway, worker = environ(objects, "gateway"), environ(objects, "worker")
    assert {name for name in gateway.keys() | worker if gateway.get(name) != worker.get(name)} == (
        own
    )
    specs = [pod(objects, name)["spec"] for name in ("gateway", "worker")]
    for part in ("volumes", "serviceAccountName", "securityContext"):
        assert specs[0][part] == specs[1][part]


def test_only_the_admin_port_of_workers_is_behind_a_service(helm: Helm) -> None:
    objects = helm.objects(WORKERS)
    api, admin = (
        find(objects, "Service", name)["spec"]["selector"].items()
        for name in ("tintype", "tintype-gateway-admin")
    )

    gateway, worker = (pod(objects, n)["metadata"]["labels"].items() for n in ("gateway", "worker"))
    assert api <= gateway
    assert not api <= worker
    assert admin <= gateway
    assert admin <= worker
    others = [pod(objects, "operator")["metadata"]["labels"].items()]
    others.append(find(objects, "Pod", "tintype-test")["metadata"]["labels"].items())
    assert not any(admin <= other for other in others)


@pytest.mark.parametrize("values", [JOBS, WORKERS], ids=["gateways", "workers"])
def test_running_jobs_have_almost_the_whole_grace_period(helm: Helm, values: Values) -> None:
    objects = helm.objects(values)

    for name in names(objects, "Deployment") & {"tintype-gateway", "tintype-worker"}:
        component = name.removeprefix("tintype-")
        drain = int(environ(objects, component)["TINTYPE_JOBS_DRAIN_SECONDS"] or "")
        spec = pod(objects, component)["spec"]
        before = spec["containers"][0].get("lifecycle", {}).get("preStop", {})
        left = spec["terminationGracePeriodSeconds"] - before.get("sleep", {}).get("seconds", 0)
        assert left - 30 <= drain <= left - 20


def test_workers_have_a_budget_and_a_number_of_their_own(helm: Helm) -> None:
    workers: Values = {"enabled": True, "replicas": 3}
    objects = helm.objects(WORKERS | {"jobs": {"enabled": True, "workers": workers}})

    deployment = find(objects, "Deployment", "tintype-worker")["spec"]
    budget = find(objects, "PodDisruptionBudget", "tintype-worker")["spec"]
    assert deployment["replicas"] == 3
    assert budget["selector"] == deployment["selector"]
    assert "tintype-worker" not in names(objects, "HorizontalPodAutoscaler")


def test_workers_scale_by_the_metrics_of_the_values(helm: Helm) -> None:
    metric = {
        "type": "External",
        "external": {
            "metric": {"name": "tintype_jobs_queued"},
            "target": {"type": "AverageValue", "averageValue": "16"},
        },
    }
    scaling: Values = {"enabled": True, "maxReplicas": 40}

    def scaler(**more: Any) -> dict[str, Any]:
        workers = {"enabled": True, "autoscaling": scaling | more}
        objects = helm.objects(WORKERS | {"jobs": {"enabled": True, "workers": workers}})
        assert "replicas" not in find(objects, "Deployment", "tintype-worker")["spec"]
        return dict(find(objects, "HorizontalPodAutoscaler", "tintype-worker")["spec"])

    assert scaler(metrics=[metric])["metrics"] == [metric]
    assert scaler()["metrics"][0]["resource"]["name"] == "cpu"
    assert scaler()["maxReplicas"] == 40


@pytest.fixture
def policies(helm: Helm) -> dict[str, dict[str, Any]]:
    """The NetworkPolicies of a release with workers, by their component."""
    objects = helm.objects(
        WORKERS | {"networkPolicy": {"enabled": True}, "simulator": {"enabled": True}}
    )
    found = [each for each in objects if each["kind"] == "NetworkPolicy"]
    return {policy["metadata"]["name"].removeprefix("tintype-"): policy["spec"] for policy in found}


def test_workers_call_what_gateways_call_and_take_no_requests(
    policies: dict[str, dict[str, Any]],
) -> None:
    assert policies["worker"]["egress"] == policies["gateway"]["egress"]
    (rule,) = policies["worker"]["ingress"]
    assert rule["ports"] == [{"port": "admin"}]


def test_operator_and_simulators_know_workers(
    helm: Helm, policies: dict[str, dict[str, Any]]
) -> None:
    worker = pod(helm.objects(WORKERS), "worker")["metadata"]["labels"].items()
    (to,) = policies["operator"]["egress"][-1]["to"]
    ((peer,),) = (rule["from"] for rule in policies["simulator"]["ingress"])

    assert to["podSelector"]["matchLabels"].items() <= worker
    assert peer["podSelector"]["matchLabels"].items() <= worker


def test_jobs_let_gateways_call_the_receivers_of_webhooks(helm: Helm) -> None:
    network = {"enabled": True, "egress": {"webhooks": {"ports": [7443]}}}
    objects = helm.objects(JOBS | {"networkPolicy": network})

    rules = find(objects, "NetworkPolicy", "tintype-gateway")["spec"]["egress"]
    assert 7443 in {port["port"] for rule in rules for port in rule["ports"]}
