"""A release of the chart on the node, and a client of its gateways."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, cast

import openai

from tests.node import cgroups
from tintype_testing.chart import CHART, Helm, Object, Values
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.manifests import provider_binding
from tintype_testing.waiting import eventually_blocking

ROOT = Path(__file__).parents[2]

REGISTRY = "registry.example.com/team"
"""The placeholder in the documentation for the reader's own value."""

LOCAL = "localhost"
"""The registry in the names of the images that the node has."""

SMALL = {"requests": {"cpu": "100m"}}
"""What a pod asks for, so that all of them fit beside the releases of other tests, also while an
upgrade has some of them twice."""

CREDITS = 10_000
"""What the account of a namespace is given."""

PRODUCTION: Values = {
    "image": {"registry": LOCAL},
    "simulator": {"enabled": True},
    "starterCatalog": {"enabled": True, "simulated": True},
    "gateway": {"replicas": 2, "demo": True, "watchCredentials": True, "resources": SMALL},
    "operator": {"replicas": 2},
    "database": {"existingSecret": "tintype-database"},
    "jwt": {
        "serviceAccounts": {
            "enabled": True,
            "autoCreateCredits": CREDITS,
            "autoCreateNamespaces": ["production"],
        }
    },
}
"""The installation in docs/kubernetes.md, but with simulated providers."""

WAIT_SECONDS = 300
"""How long a test waits for pods and objects: only a defect takes that long on a busy machine."""

TIMEOUT = f"--timeout={WAIT_SECONDS}s"

SYSTEM = ("/usr/local/bin", "/usr/bin", "/bin")

RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"

PROMPT = "A sleepy hedgehog under a mushroom"

LOG_LINES, LAST_LINES, LINE_LENGTH = 20, 30, 400
"""How much of a cluster's state the report of a failure has."""


class Release:
    """The release `tintype` in a namespace with the Pod Security Standard `restricted`."""

    def __init__(self, cluster: ControlPlane, helm: Helm, namespace: str) -> None:
        self.cluster = cluster
        self.helm = helm
        self.namespace = namespace
        self.notes = ""
        self.values: Values = {}
        """Those of its last installation or upgrade."""

        cluster.kubectl("create", "namespace", namespace)
        cluster.kubectl("label", "namespace", namespace, RESTRICTED)

    def run(self, *command: str, values: Values | None = None) -> str:
        """Run a helm command on the release."""
        return self.helm.run(*command, "--namespace", self.namespace, values=values)

    def install(self, values: Values, chart: Path = CHART) -> None:
        """Install it."""
        self.values = values
        self.run("install", "tintype", str(chart), values=values)

    def install_as_documented(self) -> None:
        """Install the release by the command of the documentation, and keep the notes."""
        command = documented_install().replace(REGISTRY, LOCAL)
        ended = self.shell(command.replace("-n images", f"-n {self.namespace}"), ROOT)
        assert ended.returncode == 0, ended.stderr
        self.notes = ended.stdout

    def shell(self, script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
        """Run the commands of the documentation in a shell, as the administrator."""
        folders = (self.cluster.binaries, self.helm.program.parent, *SYSTEM)
        environ = os.environ | {
            "KUBECONFIG": str(self.cluster.kubeconfig),
            "PATH": ":".join(map(str, folders)),
        }
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=600,
        )

    def upgrade(self, values: Values) -> None:
        """Upgrade the release, and wait until only new pods run."""
        self.values = values
        options = ("--wait", "--timeout=480s")
        self.run("upgrade", "tintype", str(CHART), *options, values=values)

    def wait_until_gone(self, uids: set[str]) -> None:
        """Wait until all of these pods are deleted."""
        path = "jsonpath={.items[*].metadata.uid}"

        def left() -> set[str]:
            return uids & set(self.kubectl("get", "pods", "-o", path).split())

        eventually_blocking(lambda: not left(), "the end of the old pods", seconds=WAIT_SECONDS)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.cluster.kubectl("--namespace", self.namespace, *arguments, stdin=stdin)

    def get(self, kind: str, *arguments: str) -> Object:
        return cast(Object, json.loads(self.kubectl("get", kind, *arguments, "-o", "json")))

    def apply(self, *manifests: Object) -> None:
        """Apply objects as their author."""
        placed = {"namespace": self.namespace}
        self.cluster.apply(*(m | {"metadata": m["metadata"] | placed} for m in manifests))

    def wait_until_available(self) -> None:
        """Wait until all Deployments of the chart are available."""
        self.kubectl("wait", "--for=condition=Available", TIMEOUT, "deployment", "--all")

    def wait_until_ready(self, *objects: str) -> None:
        """Wait until objects, each as `kind/name`, have the condition Ready."""
        self.kubectl("wait", "--for=condition=Ready", TIMEOUT, *objects)

    def pods(self, component: str) -> list[Object]:
        """The pods of a component that are not terminating."""
        selector = f"app.kubernetes.io/component={component}"
        pods: list[Object] = self.get("pods", f"--selector={selector}")["items"]
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def uids(self, component: str) -> set[str]:
        return {pod["metadata"]["uid"] for pod in self.pods(component)}

    def address(self, service: str) -> str:
        """The address of a Service, which kube-proxy also forwards from this machine."""
        return str(self.get("service", service)["spec"]["clusterIP"])

    def in_gateway(self, *command: str) -> str:
        """Run a command in a gateway's container, and return its output."""
        gateway = ("deploy/tintype-gateway", "-c", "gateway")
        return self.kubectl("exec", *gateway, "--", *command)

    def demo_key(self) -> str:
        return self.in_gateway("cat", "/var/lib/tintype/demo.key").strip()

    def client(self, key: str = "") -> openai.OpenAI:
        """OpenAI's SDK on this machine, by default with the demo key."""
        url = f"http://{self.address('tintype')}:8080/v1"
        return openai.OpenAI(base_url=url, api_key=key or self.demo_key(), max_retries=0)

    def wait_for(self, status: int, model: str) -> None:
        """Wait until the response to a request for a model has this status."""
        with self.client() as client:
            eventually_blocking(
                lambda: response_status(client, model) == status, f"{status} for {model}"
            )


def response_status(client: openai.OpenAI, model: str, prompt: str = PROMPT) -> int | str:
    """The status of the response to an image request, or the error without a response."""
    try:
        client.images.generate(model=model, prompt=prompt)
    except openai.APIStatusError as error:
        return error.status_code
    except openai.APIConnectionError as error:
        return repr(error.__cause__)
    return 200


def describe(cluster: ControlPlane) -> str:
    """The state of a cluster, what most often explains a failure first: a CI may show no more.

    That is the pods, the objects that are not Ready with their conditions, the last lines of each
    log with Tintype's own pods first, and the last Events.
    """
    parts = {
        "pods": _said(cluster, "get", "pods", "--all-namespaces", "-o", "wide"),
        "not Ready": _not_ready(cluster),
        **_logs(cluster),
        "Events": _said(cluster, "events", "--all-namespaces", "--types=Warning"),
    }
    return "\n".join(f"[{name}]\n{_end_of(text)}" for name, text in parts.items())


def _logs(cluster: ControlPlane) -> dict[str, str]:
    """The last lines of the log of each pod, by its namespace and name."""
    names = _said(cluster, "get", "pods", "--all-namespaces", "--no-headers").splitlines()
    pods = [(namespace, name) for namespace, name, *_ in map(str.split, names)]
    pods.sort(key=lambda pod: "operator" not in pod[1] and 1 + ("gateway" not in pod[1]))
    log = ("logs", "--all-containers", f"--tail={LOG_LINES}")
    return {
        f"log of {namespace}/{name}": _said(cluster, *log, name, "--namespace", namespace)
        for namespace, name in pods
    }


def _not_ready(cluster: ControlPlane) -> str:
    """The conditions of Tintype's objects that are not Ready, one object in a line."""
    kinds = "accounts,apikeys,creditgrants,imagemodels,providerbindings"
    found = cluster.try_kubectl("get", kinds, "--all-namespaces", "-o", "json")
    if found.returncode != 0:
        return found.stderr
    lines = []
    for item in json.loads(found.stdout)["items"]:
        metadata, conditions = item["metadata"], item.get("status", {}).get("conditions", [])
        if not any(each["type"] == "Ready" and each["status"] == "True" for each in conditions):
            name = f"{metadata['namespace']}/{item['kind']}/{metadata['name']}"
            lines.append(f"{name} of {metadata['creationTimestamp']}: {json.dumps(conditions)}")
    return "\n".join(lines)


def _said(cluster: ControlPlane, *command: str) -> str:
    ended = cluster.try_kubectl(*command)
    return ended.stdout or ended.stderr


def _end_of(text: str) -> str:
    """The last lines of a text, of which none is long."""
    return "\n".join(line[:LINE_LENGTH] for line in text.splitlines()[-LAST_LINES:])


SIMULATOR = "tintype-simulator:9000"
"""The simulated providers of the release."""


def simulated(model: str, **spec: Any) -> Object:
    """A binding of a model to the simulated providers of the release."""
    own = {
        "upstreamModel": "gpt-image-1",
        "endpoint": f"http://{SIMULATOR}",
        "credentials": {"secretRef": {"name": "tintype-simulator"}},
    }
    return provider_binding(model=model, **own | spec)


def resident_mib(pod: Object) -> float:
    """The memory of a pod's largest process, in MiB: its program, as `pause` is small."""
    pids = cgroups.processes_of_pod(pod["metadata"]["uid"])
    return max(_resident_kib(pid) for pid in pids) / 1024


def _resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1])


def documented_install() -> str:
    """The command with which docs/kubernetes.md begins."""
    text = (ROOT / "docs" / "kubernetes.md").read_text()
    section = text[text.index("## Try it") :]
    begin = section.index("helm install")
    return section[begin : section.index("```", begin)]
