"""A control plane whose API server can be taken away and brought back, with its data kept."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.control_plane import ControlPlane
from tests.cluster.processes import Process


class FragileControlPlane(ControlPlane):
    """The API server is one process, and etcd survives it."""

    @contextmanager
    def without_api_server(self) -> Iterator[None]:
        """Kill the API server, and start it anew at the end of the block."""
        server = self._api_server()
        server.popen.kill()
        server.popen.wait()
        try:
            yield
        finally:
            self._processes.remove(server)
            self._start_api_server()
            self._wait_for_storage()

    def _api_server(self) -> Process:
        (server,) = (process for process in self._processes if process.log.stem == "kube-apiserver")
        return server
