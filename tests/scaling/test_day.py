"""A day of load on real gateways, whose own metrics decide how many of them there are.

The requests, their reservations and the metrics are real. The clock is not: a request stays in
flight until the load falls, and the autoscaler decides every 15 seconds of the day.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.scaling.loaded_fleet import LoadedFleet, loaded_fleet
from tintype_testing.chart import CHART, Helm, find
from tintype_testing.horizontal_autoscaler import (
    SYNC_SECONDS,
    History,
    Pods,
    Scaler,
    decide,
    scaler_of,
)

DAY_SECONDS = 24 * 3600
GATEWAYS = 5
MEMORY_BYTES = 2**30
"""The limit of the chart."""

START_SECONDS = 30
"""The time from the creation of a pod until it is ready."""

LEVEL_SECONDS = 1800
"""How long the load stays as it is."""

REQUEST_SECONDS = 60
"""How long a provider takes for a request."""

HOURS = ((0, 10), (6, 10), (9, 85), (12, 90), (18, 84), (21, 12), (22, 0), (24, 0))
"""Requests in flight at hours of the day, and linear between: a night, a ramp up, a ramp down, and
two hours without any."""

BURST = (12.5, 13.5, 120)

IN_FLIGHT = "tintype_http_requests_in_flight"
RESERVED = "tintype_memory_reserved_ratio"


def load_at(second: int, dice: random.Random) -> int:
    """The requests in flight at a time of the day, with a tenth of noise."""
    hour = second / 3600
    start, end, height = BURST
    if start <= hour < end:
        return height
    for (before, low), (after, high) in pairwise(HOURS):
        if before <= hour < after:
            level = low + (high - low) * (hour - before) / (after - before)
            return round(level * dice.uniform(0.95, 1.05))
    return 0


def loads() -> list[int]:
    """The load at each decision of the day."""
    dice = random.Random(23)  # noqa: S311  # repeatable, not secret
    levels = [load_at(second, dice) for second in range(0, DAY_SECONDS, LEVEL_SECONDS)]
    return [level for level in levels for _ in range(LEVEL_SECONDS // SYNC_SECONDS)]


@dataclass(frozen=True)
class Moment:
    """What was seen and decided at a time of the day."""

    second: int
    load: int
    replicas: int
    """How many pods there were before the decision."""

    reserved: float
    """The largest share of its memory that a gateway had reserved."""

    @property
    def hour(self) -> float:
        return self.second / 3600


@dataclass
class Day:
    """A day of the load, and of what the autoscaler made of it."""

    gateways: LoadedFleet
    scaler: Scaler
    moments: list[Moment] = field(default_factory=list)

    async def run(self) -> None:
        replicas, history, created = self.scaler.min_replicas, History(), [0] * GATEWAYS
        seen: tuple[int, frozenset[int]] | None = None
        values: dict[str, dict[str, float]] = {}
        for turn, load in enumerate(loads()):
            now = turn * SYNC_SECONDS
            ready = frozenset(
                number for number in range(replicas) if created[number] <= now - START_SECONDS
            ) or frozenset(range(replicas))
            if (load, ready) != seen:
                await self.gateways.spread(load, sorted(ready))
                seen, values = (load, ready), await self._scraped(ready)
            self.moments.append(Moment(now, load, replicas, max(values[RESERVED].values())))
            pods = Pods(_names(ready), _names(set(range(replicas)) - ready), values)
            wanted, history = decide(self.scaler, history, pods, replicas, now)
            created[replicas:wanted] = [now] * (wanted - replicas)
            replicas = wanted

    async def _scraped(self, ready: frozenset[int]) -> dict[str, dict[str, float]]:
        values: dict[str, dict[str, float]] = {IN_FLIGHT: {}, RESERVED: {}}
        for number in ready:
            metrics = await self.gateways.metrics(number)
            budget = metrics["tintype_memory_budget_bytes"]
            values[IN_FLIGHT][str(number)] = metrics[IN_FLIGHT]
            values[RESERVED][str(number)] = metrics["tintype_memory_reserved_bytes"] / budget
        return values

    def between(self, start: float, end: float) -> list[Moment]:
        """The moments of these hours."""
        return [moment for moment in self.moments if start <= moment.hour < end]

    def changes(self) -> Iterator[tuple[int, int]]:
        """When pods came or went, and how many."""
        for before, after in pairwise(self.moments):
            if before.replicas != after.replicas:
                yield after.second, after.replicas - before.replicas


def _names(numbers: frozenset[int] | set[int]) -> frozenset[str]:
    return frozenset(map(str, numbers))


def scaler(helm: Helm, mode: str) -> dict[str, object]:
    """The HorizontalPodAutoscaler that the chart renders by default."""
    values = {
        "database": {"existingSecret": "ledger"},
        "autoscaling": {"enabled": True, "mode": mode, "maxReplicas": GATEWAYS},
    }
    return dict(find(helm.objects(values), "HorizontalPodAutoscaler", "tintype-gateway")["spec"])


def replicas_by_cpu(spec: dict[str, object], cpu_seconds: float) -> list[int]:
    """The pods of the same day by the CPU that its requests take, at the chart's request of CPU."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    requested = Fraction(values["gateway"]["resources"]["requests"]["cpu"].removesuffix("m")) / 1000
    share = Fraction(values["autoscaling"]["targetCPUUtilizationPercentage"], 100)
    by_cpu = Scaler(2, GATEWAYS, {"cpu": requested * share})
    replicas, history, numbers = 2, History(), []
    for turn, load in enumerate(loads()):
        cores = load / REQUEST_SECONDS * cpu_seconds / replicas
        names = _names(set(range(replicas)))
        pods = Pods(names, values={"cpu": dict.fromkeys(names, cores)})
        replicas, history = decide(by_cpu, history, pods, replicas, turn * SYNC_SECONDS)
        numbers.append(replicas)
    return numbers


async def cpu_of_a_request(gateways: LoadedFleet, requests: int = 20) -> float:
    """The CPU seconds that a gateway takes for a request from its arrival to its end."""
    before = await gateways.metrics(0)
    await gateways.spread(requests, [0])
    await gateways.spread(0, [0])
    after = await gateways.metrics(0)
    name = "process_cpu_seconds_total"
    return (after[name] - before[name]) / requests


def longest(moments: list[Moment], above: float) -> int:
    """The most seconds on end for which a gateway had more than this share reserved."""
    stretches = [0]
    for moment in moments:
        stretches.append(stretches[-1] + SYNC_SECONDS if moment.reserved > above else 0)
    return max(stretches)


@pytest.mark.timeout(1200)
async def test_gateways_follow_a_day_of_load_that_their_cpu_does_not_show(
    helm: Helm, tmp_path: Path
) -> None:
    by_load = scaler_of(scaler(helm, "load"))
    async with loaded_fleet(tmp_path, GATEWAYS, MEMORY_BYTES) as gateways:
        day = Day(gateways, by_load)
        await day.run()
        refused_by_load, served = gateways.refused, gateways.served
        cpu_seconds = await cpu_of_a_request(gateways)
        await gateways.spread(BURST[2], range(by_load.min_replicas))
        refused_by_cpu = gateways.refused - refused_by_load
        await gateways.spread(0, range(GATEWAYS))

    changes = list(day.changes())
    print(f"{served} served, {1000 * cpu_seconds:.0f} ms of CPU for each, changes: {changes}")
    # They follow the load: two at night, more in the day, most in the burst, and two again.
    assert {moment.replicas for moment in day.between(0, 6)} == {2}
    assert {moment.replicas for moment in day.between(9.5, 12)} == {3}
    assert {moment.replicas for moment in day.between(12.6, 13.5)} == {4}
    assert {moment.replicas for moment in day.between(23, 24)} == {2}
    # Memory is left all day, so no request is refused. Above the target and its tolerance of a
    # tenth it is only until a pod that was added is ready.
    assert refused_by_load == 0
    assert max(moment.reserved for moment in day.moments) < 0.9
    assert longest(day.moments, above=0.67) <= START_SECONDS + 2 * SYNC_SECONDS
    # Nothing flaps: what was added is not removed at once, nor the other way round.
    for (first, one), (second, other) in pairwise(changes):
        assert one * other > 0 or second - first > 1800
    # By CPU there would be two all day, and the burst finds no memory in two.
    numbers = replicas_by_cpu(scaler(helm, "cpu"), cpu_seconds)
    assert set(numbers) == {2}
    assert refused_by_cpu > 0
