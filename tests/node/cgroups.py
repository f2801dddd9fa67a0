"""The cgroup of all pods of the node, separate from those of any other kubelet."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from tests.node.machine import CGROUPS, cgroup_hierarchies, cgroup_v2

ROOT = "tintype-tests"


def create() -> None:
    """Make the cgroup, in each tree."""
    for hierarchy in cgroup_hierarchies():
        (hierarchy / ROOT).mkdir(exist_ok=True)


def kill_and_remove() -> None:
    """Kill every process of every pod, and remove the cgroups once they are empty."""
    for hierarchy in cgroup_hierarchies():
        for pid in _processes(hierarchy / ROOT):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    for hierarchy in cgroup_hierarchies():
        _remove(hierarchy / ROOT)


def of_pod(uid: str) -> Path:
    """The cgroup of a pod, in the tree that counts its memory."""
    hierarchy = CGROUPS if cgroup_v2() else CGROUPS / "memory"
    (found,) = (hierarchy / ROOT).rglob(f"pod{uid}")
    return found


def processes_of_pod(uid: str) -> list[int]:
    """The ids of a pod's processes, the pause program among them."""
    return sorted(_processes(of_pod(uid)))


def command_line(pid: int) -> str:
    """The command of a process, empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _processes(cgroup: Path) -> set[int]:
    """The processes in a cgroup and in those below it; any of them may end meanwhile."""
    pids: set[int] = set()
    for folder, _, _ in os.walk(cgroup):
        with suppress(OSError):
            pids.update(map(int, Path(folder, "cgroup.procs").read_text().split()))
    return pids


def _remove(cgroup: Path) -> None:
    """A cgroup that is still not empty stays, and the next run removes it."""
    for folder, _, _ in os.walk(cgroup, topdown=False):
        with suppress(OSError):
            Path(folder).rmdir()
