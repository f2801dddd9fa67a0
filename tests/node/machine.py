"""The capabilities that a machine must have to be a node, and the programs that it needs."""

import os
import shutil
import tempfile
from functools import cache as once
from pathlib import Path

from tests.node.commands import attempt
from tintype_testing.cluster.building import cache

INSTALL = (
    "apt-get install --no-install-recommends "
    "containerd runc containernetworking-plugins nftables conntrack iproute2 mmdebstrap buildah"
)

TOOLS = ("containerd", "ctr", "runc", "nft", "conntrack", "ip", "mmdebstrap", "buildah")

CNI_PLUGINS = Path("/usr/lib/cni")

CGROUPS = Path("/sys/fs/cgroup")

CONTROLLERS = "+cpu +cpuset +memory +pids"
"""The controllers that the kubelet needs in one tree."""

CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
"""The bits of linux/capability.h."""


@once
def inabilities() -> list[str]:
    """Why this machine cannot be a node, regardless of installed programs; empty if it can."""
    if os.geteuid() != 0:
        return ["the tests do not run as root"]
    lacking = [f"{name} is missing" for name, bit in CAPABILITIES.items() if not _capable(bit)]
    if lacking:
        return lacking
    for folder in (Path(tempfile.gettempdir()), cache()):
        if not _overlays_work(folder):
            lacking.append(f"no overlayfs can be mounted in {folder}")
    if not _memory_can_be_limited():
        lacking.append("there are no cgroups with a memory controller that can be written")
    return lacking


def absent_tools() -> list[str]:
    """The programs that are not installed."""
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if not (CNI_PLUGINS / "bridge").exists():
        absent.append("the CNI plugins")
    return absent


def cgroup_v2() -> bool:
    """Whether there is one tree of cgroups with all controllers."""
    return (CGROUPS / "cgroup.controllers").exists()


def cgroup_hierarchies() -> list[Path]:
    """The roots of the trees of cgroups: one, or one for each controller."""
    if cgroup_v2():
        return [CGROUPS]
    return [path for path in CGROUPS.iterdir() if (path / "cgroup.procs").exists()]


def _capable(bit: int) -> bool:
    status = Path("/proc/self/status").read_text()
    (effective,) = (line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> bit & 1)


def _overlays_work(folder: Path) -> bool:
    """Whether overlay mounts work, which not every file system supports."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        parts = {name: Path(scratch) / name for name in ("lowerdir", "upperdir", "workdir")}
        for part in (*parts.values(), Path(scratch) / "merged"):
            part.mkdir()
        options = ",".join(f"{name}={path}" for name, path in parts.items())
        merged = Path(scratch) / "merged"
        if not attempt("mount", "-t", "overlay", "-o", options, "overlay", merged):
            return False
        return attempt("umount", merged)


def _memory_can_be_limited() -> bool:
    if not cgroup_v2():
        return os.access(CGROUPS / "memory" / "cgroup.procs", os.W_OK)
    try:
        (CGROUPS / "cgroup.subtree_control").write_text(CONTROLLERS)
    except OSError:
        return False
    return True
