"""A control plane whose API server can be stopped and started again, with its data kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tintype_testing.cluster.binaries import BinariesMissingError, find_binaries
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.cluster.processes import Process
from tintype_testing.requirements import missing


class InterruptibleControlPlane(ControlPlane):
    """The API server is a process of its own; etcd keeps running without it."""

    @contextmanager
    def without_api_server(self) -> Iterator[None]:
        """Kill the API server, and start a new one at the end of the block."""
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
def running_interruptible(folder: Path) -> Iterator[InterruptibleControlPlane]:
    """Run a separate control plane with Tintype's CustomResourceDefinitions within the block."""
    try:
        binaries = find_binaries()
    except BinariesMissingError as error:
        missing(str(error))
    cluster = InterruptibleControlPlane(folder, binaries)
    try:
        cluster.start()
        cluster.apply_crds()
        yield cluster
    finally:
        cluster.stop()
