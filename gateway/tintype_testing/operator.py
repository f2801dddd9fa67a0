"""The operator as a separate process, with the permissions of its ServiceAccount only."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tintype_catalog.bundle import unpack
from tintype_catalog.catalog import Catalog
from tintype_catalog.credentials import ALLOWED_HOSTS, OPT_IN_LABEL
from tintype_kubernetes.configmaps import files_of
from tintype_operator.publish.catalog import configmap_names
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.cluster.processes import Process, free_ports, start, start_tintype
from tintype_testing.manifests import Manifest
from tintype_testing.waiting import eventually_blocking

CONFIGMAP = "tintype-catalog"
CREDENTIALS = "tintype-credentials"

GROUPS = {
    "configmap": "api/v1",
    "secret": "api/v1",
    "deployment": "apis/apps/v1",
    "lease": "apis/coordination.k8s.io/v1",
    "imagemodel": "apis/tintype.dev/v1alpha1",
    "providerbinding": "apis/tintype.dev/v1alpha1",
    "account": "apis/tintype.dev/v1alpha1",
    "apikey": "apis/tintype.dev/v1alpha1",
    "creditgrant": "apis/tintype.dev/v1alpha1",
}
"""Where the API server has the kinds that tests look at."""

SERVED = ("imagemodels", "providerbindings", "accounts", "apikeys", "creditgrants")
"""The kinds that the operator serves."""

KEY_SECRETS: dict[str, Any] = {
    "apiGroups": [""],
    "resources": ["secrets"],
    "verbs": ["get", "create", "patch"],
}
"""The permission to write the Secrets of ApiKeys."""

LEAST_PRIVILEGE: list[dict[str, Any]] = [
    {
        "apiGroups": ["tintype.dev"],
        "resources": [*SERVED],
        "verbs": ["list", "watch"],
    },
    {
        "apiGroups": ["tintype.dev"],
        "resources": [f"{plural}/status" for plural in SERVED],
        "verbs": ["patch"],
    },
    {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": [*configmap_names(CONFIGMAP)],
        "verbs": ["get", "create", "patch"],
    },
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"]},
    {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": [CREDENTIALS],
        "verbs": ["get", "create", "patch"],
    },
    KEY_SECRETS,
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["get", "create", "patch"],
    },
]
"""The permissions that the operator needs with every option on."""


def secret(name: str, *hosts: str, **data: str) -> Manifest:
    """Return a Secret with these values that bindings may send to the provider and to `hosts`."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "labels": {OPT_IN_LABEL: "true"},
            "annotations": {ALLOWED_HOSTS: ", ".join(hosts)},
        },
        "type": "Opaque",
        "stringData": data,
    }


def not_offered(manifest: Manifest) -> Manifest:
    """Return a Secret without the opt-in label and the annotation."""
    return manifest | {"metadata": {"name": manifest["metadata"]["name"]}}


class Operator:
    """A namespace and the operator that serves it, which can be stopped and started."""

    def __init__(
        self,
        cluster: ControlPlane,
        namespace: str,
        folder: Path,
        rights: Sequence[dict[str, Any]] = LEAST_PRIVILEGE,
    ) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.python: str | None = None
        """The Python that runs it, where it is another one than that of the tests."""

        self.kubeconfig = cluster.service_account_kubeconfig(namespace, "operator", [*rights])
        (self.health_port,) = free_ports(1)
        self._log = folder / "operator.log"
        self._process: Process | None = None
        self.apply(secret("openai", **{"api-key": "sk-anything"}))

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    def start(self, **settings: str) -> Process:
        """Start the process; `settings` are environment variables."""
        environ = os.environ | {
            "TINTYPE_KUBECONFIG": str(self.kubeconfig),
            "TINTYPE_HEALTH_HOST": "127.0.0.1",
            "TINTYPE_HEALTH_PORT": str(self.health_port),
        }
        if self.python is None:
            self._process = start_tintype(self._log, "operator", environ=environ | settings)
        else:
            command = (self.python, "-m", "tintype_cli", "operator")
            self._process = start(self._log, *command, environ=environ | settings)
        return self._process

    def stop(self) -> int:
        """Stop the process with SIGTERM, and return its exit code."""
        return self.process.stop()

    def close(self) -> None:
        if self._process is not None and self._process.running():
            self._process.stop()

    def apply(self, *manifests: Manifest) -> None:
        """Apply objects with kubectl."""
        self.cluster.apply(*(self._placed(manifest) for manifest in manifests))

    def delete(self, kind: str, name: str) -> None:
        self.cluster.kubectl("delete", kind, name, "--namespace", self.namespace)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return a stored object, empty if there is none."""
        return self.cluster.fetch(self._path(kind, name)) or {}

    def condition(self, kind: str, name: str, type_: str) -> dict[str, Any]:
        """Return a condition of the object's newest generation, empty if there is none."""
        found = self.get(kind, name)
        for condition in found.get("status", {}).get("conditions", []):
            newest = condition["observedGeneration"] == found["metadata"]["generation"]
            if condition["type"] == type_ and newest:
                return dict(condition)
        return {}

    def wait_for_condition(self, kind: str, name: str, type_: str, status: str) -> dict[str, Any]:
        def look() -> dict[str, Any]:
            condition = self.condition(kind, name, type_)
            return condition if condition.get("status") == status else {}

        what = f"{kind}/{name} {type_}={status}"
        return eventually_blocking(look, what, details=self.process.output)

    def catalog(self) -> Catalog | None:
        """Return the published catalog."""
        configmap = self.get("configmap", CONFIGMAP)
        return unpack(files_of(configmap))[1] if configmap else None

    def models(self) -> list[str] | None:
        catalog = self.catalog()
        return None if catalog is None else [model.name for model in catalog.models]

    def bindings(self) -> list[str] | None:
        catalog = self.catalog()
        return None if catalog is None else [binding.name for binding in catalog.bindings]

    def wait_for_models(self, *names: str) -> None:
        eventually_blocking(
            lambda: self.models() == list(names), f"models {names}", details=self._state
        )

    def _state(self) -> str:
        return f"but {self.models()}, by an operator that says\n{self.process.output()}"

    def _path(self, kind: str, name: str) -> str:
        kind = kind.lower()
        return f"/{GROUPS[kind]}/namespaces/{self.namespace}/{kind}s/{name}"

    def _placed(self, manifest: Manifest) -> Manifest:
        placed = manifest["metadata"] | {"namespace": self.namespace}
        return manifest | {"metadata": placed}


@contextmanager
def operator_in_namespace(
    cluster: ControlPlane, namespace: str, folder: Path
) -> Iterator[Operator]:
    """Give an operator that is not started yet, and stop it after the block."""
    operator = Operator(cluster, namespace, folder)
    try:
        yield operator
    finally:
        operator.close()
