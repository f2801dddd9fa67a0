"""A control plane whose API server can be taken away and brought back, with its data kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tintype_testing.cluster.binaries import BinariesMissingError, find_binaries
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.cluster.processes import Process
from tintype_testing.requirements import missing


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


@contextmanager
def running_fragile(folder: Path) -> Iterator[FragileControlPlane]:
    """Run a control plane of one's own, with our definitions, while the block runs."""
    try:
        binaries = find_binaries()
    except BinariesMissingError as error:
        missing(str(error))
    cluster = FragileControlPlane(folder, binaries)
    try:
        cluster.start()
        cluster.apply_crds()
        yield cluster
    finally:
        cluster.stop()
