"""One target, one case, one turn: what was seen from outside, and what the process spent."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

from bench.cases import Case, image_base64
from bench.load import Load, at_once, steadily
from bench.processes import cpu_seconds, forget_peak, memory_bytes, peak_memory_bytes
from bench.targets import Target

SECONDS = 60


@dataclass(frozen=True)
class Turn:
    """The result of one turn. Times are milliseconds, memory is bytes, None is unknown."""

    requests: int
    failures: int
    failure: str | None
    """What the first failure was."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float | None
    """CPU time for each request."""

    memory: int | None
    """What the process held before."""

    peak_memory: int | None

    def plain(self) -> dict[str, Any]:
        """Return the turn as JSON."""
        return asdict(self)


def check(target: Target, case: Case) -> None:
    """Send one request, which also warms up.

    Raises:
        OSError: There was no response, or its status was not 200.
        ValueError: The response does not contain the upstream's image.
    """
    asked = target.request(case)
    headers = dict(line.split(": ", 1) for line in asked.headers)
    request = HttpRequest(  # noqa: S310 - ours
        asked.url, asked.body, {"Content-Type": asked.content_type} | headers
    )
    with urlopen(request, timeout=SECONDS) as response:  # noqa: S310 - ours
        body: bytes = response.read()
    if image_base64(case.image_bytes, case.manifest) not in body:
        raise ValueError("the image is not in the response")


async def take_turn(target: Target, case: Case, seconds: float) -> Turn:
    """Ask for the case again and again."""
    return await _observed(target, case, seconds)


async def take_wave(target: Target, case: Case) -> Turn:
    """Send requests of the case concurrently."""
    return await _observed(target, case, None)


async def _observed(target: Target, case: Case, seconds: float | None) -> Turn:
    """Measure around a run; the garbage of an earlier turn is this one's memory as well."""
    memory, cpu = None, 0.0
    if target.pid is not None:
        forget_peak(target.pid)
        memory, cpu = memory_bytes(target.pid), cpu_seconds(target.pid)
    request = target.request(case)
    load = await (
        at_once(request, case.concurrency)
        if seconds is None
        else steadily(request, case.concurrency, seconds)
    )
    if target.pid is None:
        return _turn(load, None, None, None)
    spent = cpu_seconds(target.pid) - cpu
    return _turn(load, spent, memory, peak_memory_bytes(target.pid))


def _turn(load: Load, cpu: float | None, memory: int | None, peak: int | None) -> Turn:
    responses = len(load.latencies)
    return Turn(
        requests=responses,
        failures=len(load.failures),
        failure=next(iter(load.failures), None),
        per_second=responses / load.wall_seconds,
        p50_ms=percentile(load.latencies, 50) * 1000,
        p99_ms=percentile(load.latencies, 99) * 1000,
        cpu_ms=None if cpu is None else cpu * 1000 / max(responses, 1),
        memory=memory,
        peak_memory=peak,
    )


def percentile(values: Sequence[float], rank: int) -> float:
    """Return a percentile, or 0 without values."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[rank - 1]
