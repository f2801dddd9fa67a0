"""What the kernel says of the memory of a container, in both versions of control groups."""

from mmap import mmap
from pathlib import Path

import pytest

from tintype_gateway.runtime.memory_budget import (
    container_memory,
    memory,
)

BALLAST_BYTES = 64 * 2**20

STAT_V1 = "cache 9000\ninactive_file 1\ntotal_inactive_file 280\ntotal_active_file 20\n"
STAT_V2 = "anon 5000\ninactive_file 280\nactive_file 20\n"
MAX_V1 = "9223372036854771712"


def group(folder: Path, limit: str, *, version: int = 2) -> None:
    """Write what the kernel shows of a group that uses 1000 bytes, 300 of them copies of files."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {1: ("limit_in_bytes", "usage_in_bytes"), 2: ("max", "current")}[version]
    (folder / f"memory.{names[0]}").write_text(f"{limit}\n")
    (folder / f"memory.{names[1]}").write_text("1000\n")
    (folder / "memory.stat").write_text(STAT_V1 if version == 1 else STAT_V2)


def member(folder: Path, *lines: str) -> Path:
    """Write which groups a process is in."""
    path = folder / "membership"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.mark.parametrize(
    ("version", "path", "line"),
    [
        (2, ".", "0::/"),
        (2, "kubepods/pod1/box", "0::/kubepods/pod1/box"),
        (2, ".", "0::/kubepods/pod1/box"),  # the host's name of what is mounted as the root
        (1, "memory", "4:memory:/"),
        (1, "memory/docker/box", "4:memory:/docker/box"),
        (1, "memory", "4:memory:/docker/box"),
    ],
)
def test_the_limit_is_that_of_the_process_own_group(
    tmp_path: Path, version: int, path: str, line: str
) -> None:
    group(tmp_path / "mount" / path, "4096", version=version)

    found = container_memory(tmp_path / "mount", member(tmp_path, "5:cpu:/other", line))

    assert (found.limit, found.used()) == (4096, 700)


@pytest.mark.parametrize(("version", "limit"), [(2, "max"), (1, MAX_V1), (2, "nonsense")])
def test_a_group_without_a_limit_has_none(tmp_path: Path, version: int, limit: str) -> None:
    group(tmp_path / "mount" / ("memory" if version == 1 else "."), limit, version=version)

    assert container_memory(tmp_path / "mount", member(tmp_path, "0::/")).limit is None


def test_where_there_are_no_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert container_memory(tmp_path, tmp_path / "membership").limit is None


def test_an_explicit_limit_counts_the_memory_of_this_process() -> None:
    given = memory(123)
    before = given.used()
    with mmap(-1, BALLAST_BYTES) as ballast:  # from the kernel: an allocator may have some left
        ballast.write(bytes(BALLAST_BYTES))

        assert given.limit == 123
        assert given.used() - before > BALLAST_BYTES / 2


def test_the_machine_that_runs_this_can_be_read() -> None:
    found = container_memory()

    assert found.limit is None or 0 < found.used() <= found.limit
