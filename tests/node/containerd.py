"""The container runtime of the node, with a separate state folder."""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

from tests.node.cgroups import command_line
from tests.node.commands import attempt, run
from tests.node.machine import CNI_PLUGINS
from tests.node.network import BRIDGE, FIRST_POD, POD_RANGE
from tintype_testing.cluster.processes import Process, start

PAUSE_IMAGE = "localhost/pause:1"

START_SECONDS = 180

CONFIGURATION = """\
version = 2
root = "{folder}/root"
state = "{folder}/state"
oom_score = 0
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
address = "{folder}/socket"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
disable_apparmor = true
netns_mounts_under_state_dir = true
stream_server_address = "127.0.0.1"
# To lower it, as Kubernetes asks for pods, takes CAP_SYS_RESOURCE.
restrict_oom_score_adj = true
cni = {{bin_dir = "{plugins}", conf_dir = "{folder}/cni"}}

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
options = {{SystemdCgroup = false}}
"""


class Containerd:
    """The daemon and the shims that it starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: Process | None = None
        (folder / "cni").mkdir(parents=True)
        (folder / "cni" / "10-bridge.conflist").write_text(json.dumps(_cni(folder)))
        configuration = CONFIGURATION.format(folder=folder, pause=PAUSE_IMAGE, plugins=CNI_PLUGINS)
        (folder / "config.toml").write_text(configuration)

    @property
    def socket(self) -> Path:
        return self._folder / "socket"

    def start(self) -> None:
        configuration = self._folder / "config.toml"
        self._process = start(self._folder / "log", "containerd", "--config", configuration)
        self._process.wait_until(lambda: attempt(*self._ctr(), "version"), START_SECONDS, "socket")

    def load(self, archive: Path) -> None:
        """Import an image into the store of the kubelet's containers."""
        run(*self._ctr(), "images", "import", archive)

    def stop(self) -> None:
        """Stop the daemon, then the shims, which are made to outlive it."""
        if self._process is not None:
            self._process.stop()
        for pid in self._shims():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _shims(self) -> list[int]:
        return [pid for pid in _pids() if str(self.socket) in command_line(pid)]

    def _ctr(self) -> tuple[str, ...]:
        return ("ctr", "--address", str(self.socket), "--namespace", "k8s.io")


def _cni(folder: Path) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "dataDir": str(folder / "addresses"),
        "ranges": [[{"subnet": POD_RANGE, "rangeStart": FIRST_POD}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "ipam": addresses,
    }
    return {"cniVersion": "1.0.0", "name": "tests", "plugins": [bridge]}


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
