"""What a process took over time: noted every few seconds, kept as CSV, and its trend."""

import csv
import dataclasses
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.request import urlopen

from pydantic import TypeAdapter

from bench.measure import percentile
from bench.processes import cpu_seconds, memory_bytes

MIB = 1024 * 1024

TREND_BEGINS = 1 / 3
"""The first third is warm-up: code is loaded, caches fill, the allocator finds its size."""


@dataclass(frozen=True)
class Sample:
    """What a gateway took at one moment, and how it served since the last one."""

    seconds: float
    """Since the load began."""

    resident_mib: float
    open_files: int
    threads: int
    cpu_seconds: float
    """Since the process began."""

    series: int
    """Lines of its metrics."""

    ledger_mib: float
    """On the disk."""

    responses: int
    p50_ms: float
    p99_ms: float


def look(pid: int, admin_url: str, ledger: Path, begin: float, latencies: list[float]) -> Sample:
    """Return what a gateway takes now, and how long its responses took since the last sample."""
    with urlopen(f"{admin_url}/metrics", timeout=30) as response:  # noqa: S310 - ours
        lines: list[bytes] = response.read().splitlines()
    return Sample(
        seconds=round(time.perf_counter() - begin, 1),
        resident_mib=round(memory_bytes(pid) / MIB, 2),
        open_files=len(os.listdir(f"/proc/{pid}/fd")),
        threads=len(os.listdir(f"/proc/{pid}/task")),
        cpu_seconds=round(cpu_seconds(pid), 2),
        series=sum(not line.startswith(b"#") for line in lines),
        ledger_mib=round(_size(ledger) / MIB, 2),
        responses=len(latencies),
        p50_ms=round(percentile(latencies, 50) * 1000, 1),
        p99_ms=round(percentile(latencies, 99) * 1000, 1),
    )


def write(samples: Sequence[Sample], file: Path) -> None:
    """Write samples as CSV with a line of names."""
    names = [each.name for each in dataclasses.fields(Sample)]
    with file.open("w", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(names)
        table.writerows(dataclasses.astuple(sample) for sample in samples)


def read(file: Path) -> list[Sample]:
    """Return the samples of a file.

    Raises:
        ValueError: A line is no sample.
    """
    with file.open(newline="") as source:
        return TypeAdapter(list[Sample]).validate_python(list(csv.DictReader(source)))


def slope_mib_an_hour(samples: Sequence[Sample]) -> float:
    """Return by how much memory grew an hour once warm: least squares, 0 of too few samples.

    Of each minute the least counts, since what requests hold for a moment is no growth.
    """
    begin = samples[-1].seconds * TREND_BEGINS
    warm = floors([each for each in samples if each.seconds >= begin])
    if len(warm) < 2:
        return 0.0
    hours = [each.seconds / 3600 for each in warm]
    return statistics.linear_regression(hours, [each.resident_mib for each in warm]).slope


def floors(samples: Sequence[Sample]) -> list[Sample]:
    """Return the sample of each minute in which the process held least."""
    minutes = groupby(samples, lambda each: (round(each.seconds) - 1) // 60)
    return [min(of_one, key=lambda each: each.resident_mib) for _, of_one in minutes]


def at(samples: Sequence[Sample], seconds: float) -> Sample:
    """Return the sample that is nearest to a moment."""
    return min(samples, key=lambda each: abs(each.seconds - seconds))


def _size(path: Path) -> int:
    """Return the bytes of all files of a folder, some of which may go meanwhile."""
    total = 0
    for file in path.rglob("*"):
        try:
            total += file.stat().st_size
        except FileNotFoundError:
            continue
    return total
