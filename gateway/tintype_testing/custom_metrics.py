"""An API server of the group `custom.metrics.k8s.io`, as an adapter for Prometheus is one.

The API server of a cluster passes requests of that group on to it.
"""

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote

from typing_extensions import override

from tintype_testing.cluster.control_plane import ControlPlane

GROUP, VERSION = "custom.metrics.k8s.io", "v1beta2"
BASE = f"/apis/{GROUP}/{VERSION}"
NAMESPACE = "default"
SERVICE = "custom-metrics"


class CustomMetrics:
    """The values of each metric in thousandths, by pod."""

    def __init__(self) -> None:
        self.values: dict[str, Mapping[str, int]] = {}

    def document(self, path: str) -> dict[str, Any] | None:
        """Return what is at a path; None if nothing is."""
        kind = {"apiVersion": f"{GROUP}/{VERSION}"}
        if path == BASE:
            names = [f"pods/{name}" for name in self.values]
            resources = [_resource(name) for name in names]
            return {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": f"{GROUP}/{VERSION}",
                "resources": resources,
            }
        head, _, name = path.rpartition("/pods/*/")
        if head.startswith(f"{BASE}/namespaces/") and name in self.values:
            namespace = head.rpartition("/")[2]
            items = [_item(namespace, name, pod, value) for pod, value in self.values[name].items()]
            return kind | {"kind": "MetricValueList", "metadata": {}, "items": items}
        return None


def _resource(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "singularName": "",
        "namespaced": True,
        "kind": "MetricValueList",
        "verbs": ["get"],
    }


def _item(namespace: str, metric: str, pod: str, value: int) -> dict[str, Any]:
    described = {"kind": "Pod", "namespace": namespace, "name": pod, "apiVersion": "/v1"}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "describedObject": described,
        "metric": {"name": metric},
        "timestamp": now,
        "value": f"{value}m",
    }


@contextmanager
def running_custom_metrics(cluster: ControlPlane) -> Iterator[CustomMetrics]:
    """Serve metrics, and register them with the cluster, within the block."""
    metrics = CustomMetrics()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document = metrics.document(unquote(self.path.partition("?")[0]))
            body = json.dumps(document or {}).encode()
            self.send_response(200 if document else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Write no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cluster.pki.certificate("apiserver"), cluster.pki.key("apiserver"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        cluster.apply(*_registration(server.server_port))
        yield metrics
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _registration(port: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The objects that lead the API server to a port of this machine."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE, "namespace": NAMESPACE},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
    }
    api = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{VERSION}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "version": VERSION,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"name": SERVICE, "namespace": NAMESPACE, "port": port},
        },
    }
    return service, api
