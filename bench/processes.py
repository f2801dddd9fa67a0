"""What a process costs, as Linux tells it under `/proc`."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and of those that it started (proc(5), `stat`)."""
    return sum(_own_cpu_seconds(each) for each in family(pid))


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    children = [
        int(child)
        for tasks in Path(f"/proc/{pid}/task").glob("*/children")
        for child in tasks.read_text().split()
    ]
    return [pid, *(member for child in children for member in family(child))]


def memory_bytes(pid: int) -> int:
    """Return what a process and its descendants hold in memory now."""
    return sum(_status_bytes(each, "VmRSS") for each in family(pid))


def peak_memory_bytes(pid: int) -> int:
    """Return the most that they held since `forget_peak`."""
    return sum(_status_bytes(each, "VmHWM") for each in family(pid))


def forget_peak(pid: int) -> None:
    """Let the peak begin anew at what is held now."""
    for each in family(pid):
        Path(f"/proc/{each}/clear_refs").write_text("5")


def _own_cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _status_bytes(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0
