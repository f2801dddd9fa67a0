"""The NetworkPolicies of a release leave no pod without one: a namespace may deny all else."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.test_pod_security import pods
from tests.charts.values import MATRIX
from tintype_testing.chart import Helm, Object, Values, find
from tintype_testing.cluster.control_plane import ControlPlane

PAGE = Path(__file__).parents[2] / "docs" / "kubernetes.md"

BOTH = {"Ingress", "Egress"}


def isolated(values: Values) -> Values:
    """The same values, with NetworkPolicies."""
    return values | {"networkPolicy": values.get("networkPolicy", {}) | {"enabled": True}}


def policies_of(objects: list[Object], labels: dict[str, str]) -> list[Object]:
    """The NetworkPolicies that select a pod with these labels."""
    return [
        each
        for each in objects
        if each["kind"] == "NetworkPolicy"
        and each["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    ]


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_every_pod_has_one_policy_for_both_directions(helm: Helm, values: Values) -> None:
    objects = helm.objects(isolated(values))

    for pod in pods(objects):
        (policy,) = policies_of(objects, pod["metadata"]["labels"])
        assert set(policy["spec"]["policyTypes"]) == BOTH


def test_the_policy_of_a_hook_is_there_before_its_job_and_goes_with_it(helm: Helm) -> None:
    objects = helm.objects(isolated(MATRIX["production"]))

    for name in ("tintype-crds", "tintype-job-keys"):
        job, policy = (find(objects, kind, name) for kind in ("Job", "NetworkPolicy"))
        hooks = [each["metadata"]["annotations"] for each in (job, policy)]
        assert hooks[0]["helm.sh/hook"] == hooks[1]["helm.sh/hook"]
        assert int(hooks[1]["helm.sh/hook-weight"]) < int(hooks[0]["helm.sh/hook-weight"])
        assert "hook-succeeded" in hooks[1]["helm.sh/hook-delete-policy"]
        assert ports_of(policy) == {53, 443, 6443}


def ports_of(policy: Object) -> set[int]:
    return {port["port"] for rule in policy["spec"]["egress"] for port in rule.get("ports", ())}


def test_the_test_of_a_release_calls_its_gateways_alone(helm: Helm) -> None:
    objects = helm.objects(isolated({}))
    policy = find(objects, "NetworkPolicy", "tintype-test")

    *dns, (ports, peers) = [
        ({port["port"] for port in rule["ports"]}, rule.get("to"))
        for rule in policy["spec"]["egress"]
    ]
    assert dns == [({53}, None)]
    assert ports == {8080, 9090}
    (to,) = peers
    gateway = find(objects, "Deployment", "tintype-gateway")["spec"]["template"]["metadata"]
    assert to["podSelector"]["matchLabels"].items() <= gateway["labels"].items()
    assert policy["spec"]["ingress"] == []


def documented(kind: str) -> dict[str, Any]:
    """The manifest of a kind in the page about Kubernetes."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (found,) = [yaml.safe_load(block) for block in blocks if f"kind: {kind}\n" in block]
    return dict(found)


def test_the_documented_policy_denies_what_no_other_allows(
    cluster: ControlPlane, namespace: str
) -> None:
    policy = documented("NetworkPolicy")
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

    policy["metadata"]["namespace"] = namespace
    ended = cluster.try_kubectl(
        *("apply", "--dry-run=server", "--validate=strict", "-f", "-"),
        stdin=yaml.safe_dump(policy),
    )
    assert (ended.returncode, ended.stderr) == (0, "")
