"""A gateway process that watches the operator's ConfigMap."""

import json
import os
from pathlib import Path

from tintype_testing.cluster.processes import Process, free_ports, start_tintype
from tintype_testing.http import responded
from tintype_testing.operator import CONFIGMAP, Operator


class WatchingGateway:
    """A gateway that keeps its ports and its folder when it is restarted."""

    def __init__(self, operator: Operator, folder: Path, **settings: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.port, self.admin_port = free_ports(2)
        self._log = folder / "gateway.log"
        self._process: Process | None = None
        own = {
            "TINTYPE_DATA_DIR": str(folder),
            "TINTYPE_ALLOW_LOOPBACK_ENDPOINTS": "true",
            "TINTYPE_KUBECONFIG": str(operator.cluster.kubeconfig),
            "TINTYPE_NAMESPACE": operator.namespace,
            "TINTYPE_CATALOG_CONFIGMAP": CONFIGMAP,
            "TINTYPE_PORT": str(self.port),
            "TINTYPE_ADMIN_PORT": str(self.admin_port),
        }
        self._environ = os.environ | own | settings

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    @property
    def url(self) -> str:
        """The `/status` URL."""
        return f"http://127.0.0.1:{self.admin_port}/status"

    def sequence(self) -> int:
        """The sequence that it serves; zero before it responds."""
        try:
            status, body = responded(self.url)
        except OSError:
            return 0
        return json.loads(body)["sequence"] or 0 if status == 200 else 0

    def start(self) -> None:
        self._process = start_tintype(self._log, "gateway", environ=self._environ)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
