"""The arithmetic of Kubernetes' HorizontalPodAutoscaler (`autoscaling/v2`), without a cluster.

It is written from the documentation, "Horizontal Pod Autoscaling: algorithm details" and
"configurable scaling behavior", as a pure function of what was decided before, what the metrics
are now, and the time. `tests/scaling/test_controller.py` compares it with the real controller.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

TOLERANCE = Fraction(1, 10)
"""A ratio of usage to target this close to 1 changes nothing."""

SYNC_SECONDS = 15
"""The interval between two decisions, unless the controller manager has another."""


@dataclass(frozen=True)
class Policy:
    """How far the number of pods may move within a period."""

    type: str
    """`Pods` or `Percent`."""

    value: int
    period_seconds: int


@dataclass(frozen=True)
class Rules:
    """The behavior in one direction."""

    window_seconds: int
    policies: tuple[Policy, ...]
    select: str = "Max"
    """`Max` takes the policy that moves farthest, `Min` the other; `Disabled` moves nothing."""


UP = Rules(0, (Policy("Pods", 4, 15), Policy("Percent", 100, 15)))
DOWN = Rules(300, (Policy("Percent", 100, 15),))
"""The defaults."""


@dataclass(frozen=True)
class Scaler:
    """A HorizontalPodAutoscaler whose metrics have targets for the average of its pods."""

    min_replicas: int
    max_replicas: int
    targets: Mapping[str, Fraction]
    """The target of each metric."""

    up: Rules = UP
    down: Rules = DOWN
    tolerance: Fraction = TOLERANCE


@dataclass(frozen=True)
class Pods:
    """The pods that are not about to end, and what the metrics say of them."""

    ready: frozenset[str]
    unready: frozenset[str] = frozenset()
    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """The value of each pod, by metric. A pod may have none."""


@dataclass(frozen=True)
class History:
    """What was decided: recommendations before they were limited, and changes of the number.

    It goes back as far as the windows of the scaler.
    """

    recommendations: tuple[tuple[float, int], ...] = ()
    changes: tuple[tuple[float, int], ...] = ()


def decide(
    scaler: Scaler, history: History, pods: Pods, replicas: int, now: float
) -> tuple[int, History]:
    """Return the number of pods from now on, and the history for the next decision.

    Args:
        scaler: The HorizontalPodAutoscaler.
        history: That of the decision before.
        pods: The pods with their metrics.
        replicas: The number of pods so far.
        now: The time in seconds.
    """
    if replicas == 0:  # somebody has switched the scaler off
        return 0, history
    if not scaler.min_replicas <= replicas <= scaler.max_replicas:
        wanted = min(max(replicas, scaler.min_replicas), scaler.max_replicas)
        return wanted, _with_change(history, wanted - replicas, now)
    proposed = _highest(scaler, pods, replicas)
    if proposed is None:
        return replicas, history
    oldest = now - max(scaler.up.window_seconds, scaler.down.window_seconds)
    remembered = (each for each in history.recommendations if each[0] >= oldest)
    recommendations = (*remembered, (now, proposed))
    stable = _stabilized(scaler, recommendations, replicas, now)
    wanted = _limited(scaler, history.changes, stable, replicas, now)
    return wanted, _with_change(
        replace(history, recommendations=recommendations), wanted - replicas, now
    )


def proposal(scaler: Scaler, metric: str, pods: Pods, replicas: int) -> int | None:
    """Return the number of pods for one metric; None if no ready pod has a value of it."""
    target = scaler.targets[metric]
    known = pods.values.get(metric, {})
    values = {pod: Fraction(value) for pod, value in known.items() if pod in pods.ready}
    if not values:
        return None
    ratio = _average(values.values()) / target
    missing = pods.ready - values.keys()
    counts_unready = bool(pods.unready) and ratio > 1
    if not missing and not counts_unready:
        return replicas if _is_close(ratio, scaler) else math.ceil(ratio * len(values))
    # Pods of which nothing is known must not make a change larger than it would be with them.
    values |= dict.fromkeys(missing, target if ratio < 1 else Fraction(0))
    if counts_unready:
        values |= dict.fromkeys(pods.unready, Fraction(0))
    cautious = _average(values.values()) / target
    if _is_close(cautious, scaler) or (ratio < 1) != (cautious < 1):
        return replicas
    wanted = math.ceil(cautious * len(values))
    return replicas if (wanted > replicas) != (cautious > 1) else wanted


def scaler_of(spec: Mapping[str, Any]) -> Scaler:
    """Return the scaler of the `spec` of a manifest, whose metrics are of the type `Pods`."""
    targets = {
        metric["pods"]["metric"]["name"]: _quantity(metric["pods"]["target"]["averageValue"])
        for metric in spec["metrics"]
    }
    behavior = spec.get("behavior", {})
    return Scaler(
        min_replicas=spec["minReplicas"],
        max_replicas=spec["maxReplicas"],
        targets=targets,
        up=_rules(behavior.get("scaleUp", {}), UP),
        down=_rules(behavior.get("scaleDown", {}), DOWN),
    )


def _rules(given: Mapping[str, Any], default: Rules) -> Rules:
    policies = tuple(
        Policy(policy["type"], policy["value"], policy["periodSeconds"])
        for policy in given.get("policies", ())
    )
    return Rules(
        given.get("stabilizationWindowSeconds", default.window_seconds),
        policies or default.policies,
        given.get("selectPolicy", default.select),
    )


def _quantity(text: str) -> Fraction:
    if text.endswith("m"):
        return Fraction(int(text.removesuffix("m")), 1000)
    return Fraction(text)


def _highest(scaler: Scaler, pods: Pods, replicas: int) -> int | None:
    """Return the highest proposal; without one of the metrics, only if it adds pods."""
    found = [proposal(scaler, metric, pods, replicas) for metric in scaler.targets]
    valid = [each for each in found if each is not None]
    if not valid or (len(valid) < len(found) and max(valid) < replicas):
        return None
    return max(valid)


def _stabilized(
    scaler: Scaler, recommendations: Iterable[tuple[float, int]], replicas: int, now: float
) -> int:
    """Return the number that no recommendation within the windows contradicts."""
    told = list(recommendations)
    lowest = min(each for at, each in told if at >= now - scaler.up.window_seconds)
    highest = max(each for at, each in told if at >= now - scaler.down.window_seconds)
    return min(max(replicas, lowest), highest)


def _limited(
    scaler: Scaler, changes: tuple[tuple[float, int], ...], wanted: int, replicas: int, now: float
) -> int:
    """Return the number as far as the policies and the bounds allow it."""
    if wanted > replicas:
        limit = max(replicas, _limit(scaler.up, +1, changes, replicas, now))
        return min(wanted, limit, scaler.max_replicas)
    if wanted < replicas:
        limit = min(replicas, _limit(scaler.down, -1, changes, replicas, now))
        return max(wanted, limit, scaler.min_replicas)
    return wanted


def _limit(
    rules: Rules, sign: int, changes: tuple[tuple[float, int], ...], replicas: int, now: float
) -> int:
    if rules.select == "Disabled":
        return replicas
    limits = []
    for policy in rules.policies:
        start = replicas - sum(each for at, each in changes if at > now - policy.period_seconds)
        if policy.type == "Pods":
            limits.append(start + sign * policy.value)
        else:
            exact = start * (1 + sign * Fraction(policy.value, 100))
            limits.append(math.ceil(exact) if sign > 0 else int(exact))
    farthest = (rules.select == "Max") == (sign > 0)
    return max(limits) if farthest else min(limits)


def _with_change(history: History, change: int, now: float) -> History:
    return replace(history, changes=(*history.changes, (now, change))) if change else history


def _average(values: Iterable[Fraction]) -> Fraction:
    found = list(values)
    return sum(found, Fraction(0)) / len(found)


def _is_close(ratio: Fraction, scaler: Scaler) -> bool:
    return abs(ratio - 1) <= scaler.tolerance
