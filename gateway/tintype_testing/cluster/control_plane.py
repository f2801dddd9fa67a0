"""A real Kubernetes control plane, for one run of the tests."""

import base64
import json
import os
import shutil
import socket
import subprocess
import uuid
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import yaml

from tintype_kubernetes.config import load_kubeconfig
from tintype_testing.cluster.administrator import Administrator
from tintype_testing.cluster.pki import create_pki
from tintype_testing.cluster.processes import Process, free_ports, start
from tintype_testing.waiting import eventually_blocking

START_SECONDS = 180
"""The limit for the start, which takes 5 to 8 seconds on an idle machine."""

PLURALS = ("imagemodels", "providerbindings")

CRDS = Path(__file__).parents[3] / "crds"

ISSUER = "https://kubernetes.default.svc.cluster.local"
"""The issuer of the ServiceAccounts' tokens, as in most clusters."""

CONTROLLERS = (
    "serviceaccount-controller",
    "namespace-controller",
    "garbage-collector-controller",
    "deployment-controller",
    "replicaset-controller",
    "job-controller",
    "endpointslice-controller",
    "clusterrole-aggregation-controller",
)
"""The controllers that the tests need; all of them would take seconds longer to start."""

SELDOM_COLLECTED = {"GOGC": "200"}
"""Go's garbage collector takes a sixth of an API server's CPU time, unless it has some memory."""

SERVICES = "10.96.0.0/16"

API_SERVICE = "10.96.0.1"
"""The address of the Service `kubernetes`: the first of the range."""


@dataclass(frozen=True)
class Reach:
    """The network of a control plane: by default only this machine, without pods."""

    address: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    api_server_flags: tuple[str, ...] = ("--endpoint-reconciler-type=none",)
    controllers: tuple[str, ...] = CONTROLLERS
    controller_manager_flags: tuple[str, ...] = ()


LOOPBACK = Reach()
"""A loopback address is no valid endpoint, so none is announced."""


class ControlPlane:
    """etcd, the API server and, if there is one, the controller manager."""

    def __init__(self, folder: Path, binaries: Path, reach: Reach = LOOPBACK) -> None:
        self._folder = folder
        self._kubectl_cache = folder / "kubectl-cache"
        self.binaries = binaries
        self._reach = reach
        self._processes: list[Process] = []
        self.pki = create_pki(folder / "pki", *reach.names)
        self._etcd_port, self._peer_port, self._api_port, self._manager_port = free_ports(4)
        self.server = f"https://{reach.address}:{self._api_port}"
        self.kubeconfig = self.write_kubeconfig("admin", self.certificate_user("admin"))

    def start(self) -> None:
        """Start the components and wait until objects can be created."""
        self._start_etcd()
        self._start_api_server()
        if (self.binaries / "kube-controller-manager").exists():
            self._start_controller_manager()

    def stop(self) -> None:
        """Stop the components in reverse order, without saving the data."""
        for process in reversed(self._processes):
            process.popen.kill()
            process.popen.wait()

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Return kubectl's output as the administrator; an `AssertionError` if it fails."""
        ended = self.try_kubectl(*arguments, stdin=stdin)
        assert ended.returncode == 0, f"kubectl {' '.join(arguments)}: {ended.stderr}"
        return ended.stdout

    def try_kubectl(
        self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl, by default as the administrator, and return its result, also if it fails."""
        return subprocess.run(
            [self.binaries / "kubectl", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=os.environ
            | {
                "KUBECONFIG": str(kubeconfig or self.kubeconfig),
                "KUBECACHEDIR": str(self._kubectl_cache),
                "NO_PROXY": self._reach.address,
            },
        )

    def fetch(self, path: str) -> dict[str, Any] | None:
        """Return what the API server has at a path; None if it has nothing, or is not there."""
        content = self._administrator.request("GET", path)
        return None if content is None else dict(json.loads(content))

    def may(self, user: str, verb: str, resource: str, namespace: str) -> bool:
        """Return whether a user may do something in a namespace, see `Administrator.may`.

        The API server knows a role or a binding some milliseconds after it has stored it.
        """
        return self._administrator.may(user, verb, resource, namespace)

    def put(self, path: str, document: dict[str, Any]) -> None:
        """Replace an object, or its subresource; an `AssertionError` if that is refused."""
        written = self._administrator.request("PUT", path, json.dumps(document))
        assert written is not None, f"{path} does not take {document}"

    def try_apply(self, path: str, document: dict[str, Any]) -> bool:
        """Apply an object to its path by a server-side apply, and return whether that succeeded.

        It takes a hundredth of the time of kubectl: for what is tried until it works.
        """
        query = "fieldManager=tests&force=true"
        kind = {"Content-Type": "application/apply-patch+yaml"}
        body = json.dumps(document)
        return self._administrator.request("PATCH", f"{path}?{query}", body, kind) is not None

    def stored(self, key: str) -> dict[str, Any]:
        """Return a custom resource as etcd has it, by its key below `/registry`."""
        url = f"http://127.0.0.1:{self._etcd_port}/v3/kv/range"
        asked = json.dumps({"key": base64.b64encode(key.encode()).decode()})
        with urlopen(url, data=asked.encode(), timeout=60) as response:
            (found,) = json.load(response)["kvs"]
        return dict(json.loads(base64.b64decode(found["value"])))

    @cached_property
    def _administrator(self) -> Administrator:
        return Administrator(self.server, load_kubeconfig(self.kubeconfig).ssl_context())

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create or update objects as a user would."""
        # As JSON, which is written a hundred times as quickly as YAML.
        self.kubectl("apply", "-f", "-", stdin="\n---\n".join(map(json.dumps, objects)))

    def apply_crds(self) -> None:
        """Apply the repository's CRDs and wait until the API server serves them."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
        self.kubectl("wait", "--for=condition=Established", "--timeout=120s", "-f", str(CRDS))
        self._wait_for_storage()

    def forget_discovery(self) -> None:
        """Let kubectl ask again which versions there are, which it otherwise does every 6 hours."""
        shutil.rmtree(self._kubectl_cache, ignore_errors=True)

    def create_namespace(self) -> str:
        """Create a namespace, which lasts as long as the cluster."""
        name = f"test-{uuid.uuid4().hex[:10]}"
        self._administrator.create("/api/v1/namespaces", metadata={"name": name})
        return name

    def service_account_kubeconfig(
        self, namespace: str, name: str, rules: list[dict[str, Any]]
    ) -> Path:
        """Create a ServiceAccount with a Role of these `rules`, and return its kubeconfig."""
        metadata = {"name": name, "namespace": namespace}
        group = "rbac.authorization.k8s.io"
        subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        self.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
            {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
            {
                "apiVersion": f"{group}/v1",
                "kind": "RoleBinding",
                "metadata": metadata,
                "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
                "subjects": [subject],
            },
        )
        self._wait_for_rights(namespace, name, rules)
        account = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}"
        token = self._administrator.create(f"{account}/token", spec={})["status"]["token"]
        return self.write_kubeconfig(f"{namespace}-{name}", {"token": token}, namespace)

    def _wait_for_rights(self, namespace: str, name: str, rules: list[dict[str, Any]]) -> None:
        """Wait until the API server grants what a new Role says; it knows a Role as a whole."""
        for rule in rules[:1]:
            kind, _, subresource = rule["resources"][0].partition("/")
            group, (named, *_) = rule["apiGroups"][0], rule.get("resourceNames") or [""]
            resource = kind + (f".{group}" if group else "")
            resource += (f":{subresource}" if subresource else "") + (f"/{named}" if named else "")
            user, verb = f"system:serviceaccount:{namespace}:{name}", rule["verbs"][0]
            eventually_blocking(
                partial(self.may, user, verb, resource, namespace), f"{verb} {resource}"
            )

    def certificate_user(self, name: str) -> dict[str, Any]:
        """The user of a kubeconfig with a signed client certificate."""
        certificate, key = self.pki.certificate(name), self.pki.key(name)
        return {"client-certificate": str(certificate), "client-key": str(key)}

    def _start_etcd(self) -> None:
        client, peer = (f"http://127.0.0.1:{port}" for port in (self._etcd_port, self._peer_port))
        etcd = self._start(
            "etcd",
            "--name=tests",
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=tests={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )
        etcd.wait_until(lambda: _listens(self._etcd_port), START_SECONDS, "etcd")

    def _start_api_server(self) -> None:
        pki = self.pki
        server = self._start(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            f"--bind-address={self._reach.address}",
            f"--secure-port={self._api_port}",
            f"--cert-dir={self._folder}",
            f"--tls-cert-file={pki.certificate('apiserver')}",
            f"--tls-private-key-file={pki.key('apiserver')}",
            f"--client-ca-file={pki.certificate('ca')}",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={pki.key('service-account')}",
            f"--service-account-signing-key-file={pki.key('service-account')}",
            "--authorization-mode=RBAC",
            f"--service-cluster-ip-range={SERVICES}",
            "--enable-priority-and-fairness=false",
            "--profiling=false",
            *self._reach.api_server_flags,
        )
        server.wait_until(
            lambda: self._administrator.request("GET", "/readyz") is not None,
            START_SECONDS,
            "ready API server",
        )

    def _start_controller_manager(self) -> None:
        manager = self._start(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            f"--authentication-kubeconfig={self.kubeconfig}",
            f"--authorization-kubeconfig={self.kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._manager_port}",
            f"--cert-dir={self._folder}",
            "--leader-elect=false",
            f"--root-ca-file={self.pki.certificate('ca')}",
            f"--controllers={','.join(self._reach.controllers)}",
            *self._reach.controller_manager_flags,
        )
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        manager.wait_until(
            lambda: self.fetch(account) is not None, START_SECONDS, "default ServiceAccount"
        )

    def _start(self, name: str, *arguments: str) -> Process:
        environ = os.environ | SELDOM_COLLECTED
        log = self._folder / f"{name}.log"
        process = start(log, self.binaries / name, *arguments, environ=environ)
        self._processes.append(process)
        return process

    def _wait_for_storage(self) -> None:
        """Wait for a CRD's storage: for about a second lists of its objects get 429."""

        def is_ready() -> bool:
            return all(self.fetch(f"/apis/tintype.dev/v1alpha1/{each}") for each in PLURALS)

        eventually_blocking(is_ready, "the storage of the CRDs", START_SECONDS)

    def write_kubeconfig(self, name: str, user: dict[str, Any], namespace: str = "default") -> Path:
        """The kubeconfig of a user, for example from `certificate_user`."""
        ca = str(self.pki.certificate("ca"))
        cluster = {"server": self.server, "certificate-authority": ca}
        context = {"cluster": "tests", "user": name, "namespace": namespace}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "tests", "context": context}],
            "current-context": "tests",
        }
        path = self._folder / f"{name}.kubeconfig"
        path.write_text(yaml.safe_dump(document))
        path.chmod(0o600)
        return path


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
