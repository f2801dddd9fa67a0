"""How much memory the container has, and how much of it is used, as the kernel counts it.

The kernel ends a container by what it charges to its control group: not only what the process
holds, but also buffers of sockets. What it can take back at any time, files that were read once,
is not counted here.
"""

import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")

UNLIMITED_BYTES = 2**60
"""Version 1 writes the largest number of pages in place of no limit."""


class Memory(NamedTuple):
    """A limit in bytes, and what tells how many are used."""

    limit: int | None = None
    used: Callable[[], int] = lambda: 0


class _Version(NamedTuple):
    """The names of files and of a line, in one version of control groups (cgroups(7))."""

    controller: str
    limit: str
    used: str
    unused_files: str


_VERSIONS = (
    _Version("", "memory.max", "memory.current", "inactive_file"),
    _Version("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def memory(limit: int | None) -> Memory:
    """Return the memory of this process under a limit, by default that of its container."""
    return container_memory() if limit is None else Memory(limit, resident_bytes)


def container_memory(mount: Path = MOUNT, membership: Path = MEMBERSHIP) -> Memory:
    """Return the memory of this process's container, without a limit where it has none."""
    for version in _VERSIONS:
        for folder in _folders(version, mount, membership):
            limit = _limit(folder / version.limit)
            if limit is not None:
                return Memory(limit, partial(_used, folder, version))
    return Memory()


def resident_bytes() -> int:
    """Return what this process holds in memory (proc(5), `statm`)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _folders(version: _Version, mount: Path, membership: Path) -> list[Path]:
    """Return where the process's group may be: a container may see it as the root of the mount."""
    root = mount / version.controller
    try:
        lines = [line.split(":", 2) for line in membership.read_text().splitlines()]
    except OSError:
        return [root]
    own = [path for _, names, path in lines if version.controller in names.split(",")]
    return [*(root / path.lstrip("/") for path in own), root]


def _limit(file: Path) -> int | None:
    try:
        limit = int(file.read_text())
    except (OSError, ValueError):  # no such group, or `max`
        return None
    return limit if limit < UNLIMITED_BYTES else None


def _used(folder: Path, version: _Version) -> int:
    lines = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
    unused = next((int(size) for name, size in lines if name == version.unused_files), 0)
    return max(0, int((folder / version.used).read_text()) - unused)
