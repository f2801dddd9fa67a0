"""A whole cluster of one node: the control plane, and real pods in real containers."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from tests.node import cgroups, configuration
from tests.node.binaries import COREDNS, NODE_PROGRAMS
from tests.node.commands import attempt
from tests.node.configuration import NAME
from tests.node.containerd import Containerd
from tests.node.network import ADDRESS, Network
from tintype_testing.cluster.binaries import find_binaries
from tintype_testing.cluster.building import cache, locked
from tintype_testing.cluster.control_plane import (
    API_SERVICE,
    CONTROLLERS,
    ControlPlane,
    Reach,
)
from tintype_testing.cluster.processes import Process, free_ports, start

START_SECONDS = 180

LOADS = 2
"""Images that are unpacked at the same time, while the programs start."""

MORE_CONTROLLERS = (
    "root-ca-certificate-publisher-controller",
    "pod-garbage-collector-controller",
    "node-lifecycle-controller",
    "taint-eviction-controller",
    "disruption-controller",
)

USERS = {
    "kubelet": f"/O=system:nodes/CN=system:node:{NAME}",
    "kube-proxy": "/CN=system:kube-proxy",
    "kube-scheduler": "/CN=system:kube-scheduler",
    "coredns": "/CN=coredns",
}


@contextmanager
def running_node(*images: Path) -> Iterator[ControlPlane]:
    """A Ready node with these images, of which nothing is left afterwards.

    A machine has one node at a time: another run waits for its end.
    """
    folder = Path(tempfile.mkdtemp(prefix="tintype-node-"))  # sockets have short names only
    with ExitStack() as stack:
        stack.enter_context(locked(cache() / "node" / "running"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        node = Node(folder)
        stack.callback(node.stop)
        node.start(images)
        yield node.control_plane


class Node:
    """The programs of the node, started in order and stopped in reverse."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[Process] = []
        self._network = Network()
        self._containerd = Containerd(folder / "containerd")
        (folder / "control-plane").mkdir()
        self.control_plane = ControlPlane(folder / "control-plane", find_binaries(), _reach(folder))

    def start(self, images: tuple[Path, ...]) -> None:
        """Start everything, and wait until pods can run."""
        self._network.up()
        cgroups.create()
        self.control_plane.start()
        self._containerd.start()
        for name, subject in USERS.items():
            self.control_plane.pki.sign(name, subject)
        with ThreadPoolExecutor(LOADS) as pool:
            loads = [pool.submit(self._containerd.load, image) for image in images]
            self._start_scheduler()
            self._start_kubelet()
            self._start_proxy()
            self._start_dns()
        for load in loads:
            load.result()
        self.control_plane.kubectl(
            "wait", "--for=condition=Ready", "--timeout=180s", f"node/{NAME}"
        )

    def stop(self) -> None:
        """Stop all programs, also after an error."""
        with ExitStack() as stack:
            stack.callback(self._network.down)
            stack.callback(self._unmount)
            stack.callback(cgroups.kill_and_remove)
            stack.callback(self.control_plane.stop)
            stack.callback(self._containerd.stop)
            stack.callback(cgroups.kill_and_remove)
            for process in self._processes:
                stack.callback(process.stop)

    def _start_scheduler(self) -> None:
        kubeconfig = self._kubeconfig("kube-scheduler")
        (port,) = free_ports(1)
        self._start(
            NODE_PROGRAMS.build() / "kube-scheduler",
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={self._folder}",
        )

    def _start_kubelet(self) -> None:
        (self._folder / "resolv.conf").write_text(f"nameserver {ADDRESS}\n")
        settings = configuration.kubelet(
            self._folder, self.control_plane.pki, self._containerd.socket
        )
        kubelet = self._start(
            NODE_PROGRAMS.build() / "kubelet",
            f"--config={self._write('kubelet.yaml', settings)}",
            f"--kubeconfig={self._kubeconfig('kubelet')}",
            f"--root-dir={self._folder / 'kubelet'}",
            f"--cert-dir={self._folder}",
            f"--hostname-override={NAME}",
            f"--node-ip={ADDRESS}",
        )
        kubelet.wait_until(self._is_registered, START_SECONDS, "registration of the node")

    def _start_proxy(self) -> None:
        settings = configuration.kube_proxy(self._kubeconfig("kube-proxy"))
        path = self._write("kube-proxy.yaml", settings)
        self._start(NODE_PROGRAMS.build() / "kube-proxy", f"--config={path}")

    def _start_dns(self) -> None:
        self.control_plane.apply(*_dns_rights())
        (port,) = free_ports(1)
        path = self._folder / "Corefile"
        path.write_text(configuration.corefile(self._kubeconfig("coredns"), port))
        dns = self._start(COREDNS.build() / "coredns", "-conf", path)
        dns.wait_until(lambda: _is_ready(port), START_SECONDS, "names of Services")

    def _is_registered(self) -> bool:
        return self.control_plane.try_kubectl("get", "node", NAME).returncode == 0

    def _start(self, program: Path, *arguments: object) -> Process:
        environ = os.environ | {"NO_PROXY": ADDRESS}
        log = self._folder / f"{program.name}.log"
        process = start(log, program, *arguments, environ=environ)
        self._processes.append(process)
        return process

    def _kubeconfig(self, name: str) -> Path:
        user = self.control_plane.certificate_user(name)
        return self.control_plane.write_kubeconfig(name, user)

    def _write(self, name: str, document: dict[str, Any]) -> Path:
        path = self._folder / name
        path.write_text(yaml.safe_dump(document))
        return path

    def _unmount(self) -> None:
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((m for m in mounts if m.startswith(f"{self._folder}/")), reverse=True):
            attempt("umount", "--lazy", mount)


def _reach(folder: Path) -> Reach:
    administrator = folder / "control-plane" / "pki" / "admin"
    return Reach(
        ADDRESS,
        names=("DNS:kubernetes.default.svc", f"IP:{ADDRESS}", f"IP:{API_SERVICE}"),
        api_server_flags=(
            f"--advertise-address={ADDRESS}",
            "--authorization-mode=Node",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-client-certificate={administrator}.crt",
            f"--kubelet-client-key={administrator}.key",
        ),
        controllers=(*CONTROLLERS, *MORE_CONTROLLERS),
    )


def _dns_rights() -> list[dict[str, Any]]:
    group = "rbac.authorization.k8s.io"
    metadata = {"name": "coredns"}
    return [
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": metadata,
            "rules": configuration.DNS_RIGHTS,
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "coredns"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": "coredns"}],
        },
    ]


def _is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=30) as response:
            return bool(response.status == 200)
    except URLError:
        return False
