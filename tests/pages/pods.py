"""Pods without a node, which are reported as a kubelet reports those that start at once."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tintype_kubernetes.config import load_kubeconfig
from tintype_testing.cluster.administrator import Administrator
from tintype_testing.cluster.control_plane import ControlPlane

SECONDS = 0.2
"""How often it looks for new pods."""


@contextmanager
def pods_that_start(cluster: ControlPlane) -> Iterator[None]:
    """Report every pod as running and ready, and one that is to end as succeeded."""
    administrator = Administrator(cluster.server, load_kubeconfig(cluster.kubeconfig).ssl_context())
    ended = threading.Event()

    def report() -> None:
        while not ended.wait(SECONDS):
            listed = administrator.request("GET", "/api/v1/pods")
            for pod in json.loads(listed or b'{"items": []}')["items"]:
                if pod["status"].get("phase") == "Pending":
                    _start(administrator, pod)

    thread = threading.Thread(target=report)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _start(administrator: Administrator, pod: dict[str, Any]) -> None:
    metadata = pod["metadata"]
    ends = pod["spec"]["restartPolicy"] != "Always"
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": metadata["creationTimestamp"]}
    pod["status"] = {"phase": "Succeeded" if ends else "Running", "conditions": [ready]}
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/status"
    administrator.request("PUT", path, json.dumps(pod))
