"""The NetworkPolicies of the chart, enforced by kube-router: what they allow passes, and nothing
else does.

The pods are network namespaces, and objects of a real API server with the labels of the chart.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.enforcer.kube_router import KUBE_ROUTER
from tests.enforcer.network import NODE_ADDRESS, Namespaces, namespaces
from tests.node.machine import inabilities
from tintype_testing.chart import Helm, Object, Values, find
from tintype_testing.cluster.building import BuildError
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.cluster.processes import start
from tintype_testing.requirements import missing

pytestmark = [pytest.mark.node, pytest.mark.timeout(1200)]

TOOLS = ("ip", "iptables", "ipset")
INSTALL = "apt-get install --no-install-recommends iproute2 iptables ipset"

NODE = "enforcer"

VALUES: Values = {
    "database": {"existingSecret": "ledger"},
    "s3": {"bucket": "images"},
    "simulator": {"enabled": True},
    "jobs": {"enabled": True, "workers": {"enabled": True}},
    "networkPolicy": {
        "enabled": True,
        "clientsFrom": [{"podSelector": {"matchLabels": {"app": "client"}}}],
        "adminFrom": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}],
        "egress": {
            "apiServer": {"to": [{"ipBlock": {"cidr": "10.77.9.1/32"}}], "ports": [6443]},
            "dns": {"to": [{"ipBlock": {"cidr": "10.77.9.2/32"}}]},
            "database": {"to": [{"ipBlock": {"cidr": "10.77.9.3/32"}}]},
            "objectStore": {"to": [{"ipBlock": {"cidr": "10.77.9.4/32"}}]},
            "providers": {"to": [{"ipBlock": {"cidr": "10.77.9.5/32"}}]},
            "webhooks": {"to": [{"ipBlock": {"cidr": "10.77.9.6/32"}}]},
        },
    },
}

DENY_ALL: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "default-deny"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
}

CALLERS: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "callers"},
    "spec": {
        "podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"podSelector": {}}]}],
    },
}
"""Lets the pods of somebody else call all pods of the namespace."""

COMPONENTS = ("gateway", "worker", "operator", "simulator")

OTHERS = ("client", "prometheus", "stranger")
"""Pods of somebody else in the namespace, by their label `app`; `stranger` may nothing."""

OUTSIDE = {
    "API server": ("10.77.9.1", 6443),
    "DNS": ("10.77.9.2", 53),
    "database": ("10.77.9.3", 5432),
    "object store": ("10.77.9.4", 443),
    "provider": ("10.77.9.5", 443),
    "webhooks": ("10.77.9.6", 443),
    "another port of the provider": ("10.77.9.5", 22),
    "another host": ("10.77.9.7", 443),
    "metadata service": ("10.77.9.8", 80),
}
"""What is not in a pod: an address and a port."""

PORTS = {
    "gateway": (8080, 9090),
    "worker": (8080, 9090),
    "operator": (8081,),
    "simulator": (9000,),
    "stranger": (8080,),
}

CLUSTER = {"API server", "DNS"}
CALLED = CLUSTER | {"database", "object store", "provider", "webhooks", "simulator:9000"}

ALLOWED = {
    "gateway": CALLED,
    "worker": CALLED,
    "operator": CLUSTER | {"gateway:9090", "worker:9090"},
    "simulator": set[str](),
    "client": {"gateway:8080"},
    "prometheus": {"gateway:9090", "worker:9090", "operator:8081"},
    "stranger": set[str](),
}
"""Every connection that may be made, by the pod that makes it."""


@dataclass
class Pods:
    """The network of the release, by the names of the pods."""

    network: Namespaces
    namespaces: dict[str, str]
    destinations: dict[str, tuple[str, int]]

    def reached(self, pod: str) -> set[str]:
        """What a pod can connect to."""
        own = self.namespaces[pod]
        return {
            name
            for name, (address, port) in self.destinations.items()
            if not name.startswith(f"{pod}:") and self.network.connects(own, address, port)
        }


@pytest.fixture(scope="module")
def enforcer() -> Path:
    """The path of kube-router. On a machine that cannot run it, the test is skipped, also in CI."""
    if reasons := inabilities():
        pytest.skip(f"this machine cannot enforce policies: {'; '.join(reasons)}")
    if absent := [tool for tool in TOOLS if shutil.which(tool) is None]:
        missing(f"{', '.join(absent)} not installed: {INSTALL}")
    try:
        return KUBE_ROUTER.build()
    except BuildError as error:
        missing(str(error))


@pytest.fixture
def pods(
    helm: Helm, cluster: ControlPlane, namespace: str, enforcer: Path, tmp_path: Path
) -> Iterator[Pods]:
    """A release whose policies are enforced, beside one that denies all else."""
    objects = helm.objects(VALUES, namespace=namespace)
    with ExitStack() as stack:
        network = stack.enter_context(namespaces(f"tt{os.getpid() % 10_000}"))
        made = _network(network)
        cluster.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}})
        address = {"type": "InternalIP", "address": NODE_ADDRESS}
        _report(cluster, "node", NODE, {"addresses": [address]})
        for number, name in enumerate(made.namespaces):
            _announce(cluster, namespace, name, _labels(objects, name), f"10.77.0.{number + 10}")
        policies = [each for each in objects if each["kind"] == "NetworkPolicy" and _is_part(each)]
        cluster.apply(*policies, *(_placed(each, namespace) for each in (DENY_ALL, CALLERS)))
        everything = {each for each in made.destinations if not each.startswith("stranger:")}
        assert made.reached("stranger") == everything
        network.forward(network.node, int(cluster.server.rpartition(":")[2]))
        process = start(
            tmp_path / "kube-router.log",
            *("ip", "netns", "exec", network.node, enforcer),
            *("--run-firewall=true", "--run-router=false", "--run-service-proxy=false"),
            *("--health-port=0", "--enable-ipv6=false", f"--hostname-override={NODE}"),
            f"--kubeconfig={cluster.kubeconfig}",
        )
        stack.callback(process.stop)
        process.wait_until(lambda: not made.reached("stranger"), 120, "enforced policies")
        yield made


def _network(network: Namespaces) -> Pods:
    spaces, destinations = {}, dict(OUTSIDE)
    for number, name in enumerate((*COMPONENTS, *OTHERS)):
        address = f"10.77.0.{number + 10}"
        spaces[name] = network.pod(number, address)
        for port in PORTS.get(name, ()):
            network.listen(spaces[name], port)
            destinations[f"{name}:{port}"] = (address, port)
    hosts: dict[str, str] = {}
    for address, port in OUTSIDE.values():
        if address not in hosts:
            hosts[address] = network.pod(100 + len(hosts), address)
        network.listen(hosts[address], port)
    return Pods(network, spaces, destinations)


def _labels(objects: list[Object], name: str) -> dict[str, str]:
    if name in OTHERS:
        return {"app": name}
    template = find(objects, "Deployment", f"tintype-{name}")["spec"]["template"]
    return dict(template["metadata"]["labels"])


def _is_part(policy: Object) -> bool:
    return "helm.sh/hook" not in policy["metadata"].get("annotations", {})


def _placed(found: Object, namespace: str) -> Object:
    return found | {"metadata": found["metadata"] | {"namespace": namespace}}


def _announce(
    cluster: ControlPlane, namespace: str, name: str, labels: dict[str, str], address: str
) -> None:
    """Create the object of a pod that runs with an address."""
    ports = [
        {"name": "http", "containerPort": 9000 if name == "simulator" else 8080},
        {"name": "admin", "containerPort": 9090},
        {"name": "health", "containerPort": 8081},
    ]
    container: dict[str, Any] = {"name": name, "image": "none", "ports": ports}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"nodeName": NODE, "containers": [container]},
    }
    cluster.apply(_placed(pod, namespace))
    addresses = {"hostIP": NODE_ADDRESS, "podIP": address, "podIPs": [{"ip": address}]}
    _report(cluster, "pod", name, {"phase": "Running"} | addresses, "--namespace", namespace)


def _report(
    cluster: ControlPlane, kind: str, name: str, status: dict[str, Any], *flags: str
) -> None:
    """Write the status of an object, as a kubelet does."""
    patch = json.dumps({"status": status})
    cluster.kubectl(
        "patch", kind, name, "--subresource=status", "--type=merge", "-p", patch, *flags
    )


def test_what_the_policies_allow_passes_and_nothing_else(pods: Pods) -> None:
    assert {name: pods.reached(name) for name in pods.namespaces} == ALLOWED
