"""The arithmetic of the HorizontalPodAutoscaler, as Kubernetes documents it."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_testing.horizontal_autoscaler import (
    SYNC_SECONDS,
    History,
    Pods,
    Policy,
    Rules,
    Scaler,
    decide,
    proposal,
    scaler_of,
)

METRIC = "requests"
TARGET = Fraction(100)
NO_WINDOW = Rules(0, (Policy("Percent", 100, 15),))


def scaler(**changes: object) -> Scaler:
    given: dict[str, object] = {"min_replicas": 1, "max_replicas": 20, "targets": {METRIC: TARGET}}
    return Scaler(**{**given, **changes})  # type: ignore[arg-type]


def pods(*values: float | None, unready: int = 0) -> Pods:
    """Ready pods with these values of the metric, None for a pod without one."""
    names = [f"pod-{number}" for number in range(len(values))]
    known = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    starting = frozenset(f"starting-{number}" for number in range(unready))
    return Pods(frozenset(names), starting, {METRIC: known})


def proposed(found: Pods) -> int | None:
    return proposal(scaler(), METRIC, found, len(found.ready) + len(found.unready))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((200, 200), 4),
        ((50, 50), 1),
        ((101, 150), 3),
        ((0, 0), 0),
        ((109, 110), 2),
        ((90, 91), 2),
        ((112, 112), 3),
    ],
)
def test_the_number_is_the_ratio_rounded_up_unless_it_is_close_to_one(
    values: tuple[float, ...], expected: int
) -> None:
    assert proposed(pods(*values)) == expected


def test_a_pod_without_a_value_counts_as_idle_when_more_are_wanted() -> None:
    assert proposed(pods(300, 300, None)) == 6
    assert proposed(pods(150, 150, None)) == 3


def test_a_pod_without_a_value_counts_as_used_to_its_target_when_fewer_are_wanted() -> None:
    assert proposed(pods(10, 10, None)) == 2
    assert proposed(pods(85, 85, None)) == 3


def test_pods_that_start_count_as_idle_when_more_are_wanted() -> None:
    assert proposed(pods(400, 400, unready=2)) == 8
    assert proposed(pods(150, 150, unready=2)) == 4


def test_pods_that_start_do_not_count_when_fewer_are_wanted() -> None:
    assert proposed(pods(40, 40, unready=2)) == 1


def test_without_any_value_nothing_changes() -> None:
    assert proposed(pods(None, None)) is None
    assert decide(scaler(), History(), pods(None, None), 2, 0)[0] == 2


def both(requests: float | None, memory: float | None) -> int:
    """The decision for two pods by two metrics, one of which may have no values."""
    targets = {METRIC: TARGET, "memory": Fraction(1, 2)}
    values = {
        name: {"a": value, "b": value}
        for name, value in ((METRIC, requests), ("memory", memory))
        if value is not None
    }
    found = Pods(frozenset({"a", "b"}), values=values)
    return decide(scaler(targets=targets, down=NO_WINDOW), History(), found, 2, 0)[0]


def test_the_metric_that_wants_most_pods_decides() -> None:
    assert both(300, 0.5) == 6
    assert both(100, 1.0) == 4
    assert both(40, 0.2) == 1


def test_a_metric_that_is_missing_prevents_removals_alone() -> None:
    assert both(40, None) == 2
    assert both(300, None) == 6


def test_the_number_stays_within_its_bounds() -> None:
    assert decide(scaler(max_replicas=3), History(), pods(900, 900), 2, 0)[0] == 3
    assert decide(scaler(min_replicas=2, down=NO_WINDOW), History(), pods(0, 0, 0), 3, 0)[0] == 2
    assert decide(scaler(min_replicas=2), History(), pods(100), 1, 0)[0] == 2
    assert decide(scaler(max_replicas=2), History(), pods(100, 100, 100), 3, 0)[0] == 2


def test_a_deployment_of_no_pods_is_left_alone() -> None:
    assert decide(scaler(), History(), pods(), 0, 0)[0] == 0


def run(scaler: Scaler, loads: Sequence[float], replicas: int) -> list[int]:
    """The numbers of pods under loads that they share, one decision after the other."""
    history, numbers = History(), []
    for turn, load in enumerate(loads):
        found = pods(*[load / replicas] * replicas)
        replicas, history = decide(scaler, history, found, replicas, turn * SYNC_SECONDS)
        numbers.append(replicas)
    return numbers


def test_pods_are_added_by_four_or_twice_in_15_seconds_whichever_is_more() -> None:
    assert run(scaler(max_replicas=100), [10_000] * 5, 1) == [5, 10, 20, 40, 80]


def test_pods_go_when_the_load_has_been_low_for_the_whole_window() -> None:
    numbers = run(scaler(), [1000] + [100] * 22, 10)

    assert numbers[:20] == [10] * 20
    assert numbers[21] == 1


def test_a_short_fall_removes_no_pods() -> None:
    assert set(run(scaler(), [1000] + [100] * 15 + [1000] * 30, 10)) == {10}


def test_a_window_for_additions_waits_for_the_lowest_recommendation() -> None:
    careful = scaler(up=Rules(60, (Policy("Percent", 100, 15),)))

    assert run(careful, [100, 400, 400, 400, 400, 400], 1) == [1, 1, 1, 1, 1, 2]


def test_a_policy_limits_removals_by_its_period() -> None:
    slow = Rules(0, (Policy("Percent", 25, 60),))

    numbers = run(scaler(down=slow), [100] * 9, 8)

    assert numbers == [6, 6, 6, 6, 4, 4, 4, 4, 3]


def test_the_least_policy_or_none_may_be_selected() -> None:
    policies = (Policy("Pods", 1, 15), Policy("Percent", 100, 15))

    assert run(scaler(up=Rules(0, policies, "Min")), [1000] * 3, 3) == [4, 5, 6]
    assert run(scaler(down=Rules(0, policies, "Min")), [0] * 3, 4) == [3, 2, 1]
    assert run(scaler(down=Rules(0, policies, "Disabled")), [0] * 3, 4) == [4, 4, 4]


@given(
    st.lists(st.floats(0, 3000), min_size=1, max_size=60),
    st.integers(1, 30),
)
def test_decisions_stay_within_bounds_and_policies(loads: list[float], replicas: int) -> None:
    limited = scaler(max_replicas=20, down=Rules(60, (Policy("Percent", 25, 60),)))

    before = replicas
    for number in run(limited, loads, replicas):
        assert 1 <= number <= 20
        if before <= 20:
            assert number <= max(before + 4, 2 * before)
            assert number >= int(before * 0.75)
        before = number


@given(st.integers(2, 20), st.floats(91, 109))
def test_a_load_at_the_target_changes_nothing(replicas: int, value: float) -> None:
    assert set(run(scaler(down=NO_WINDOW), [value * replicas] * 10, replicas)) == {replicas}


def test_a_scaler_is_read_from_a_manifest() -> None:
    target = {"type": "AverageValue", "averageValue": "600m"}
    pods = {"metric": {"name": "memory"}, "target": target}
    policies = [{"type": "Percent", "value": 25, "periodSeconds": 60}]
    spec = {
        "minReplicas": 2,
        "maxReplicas": 9,
        "metrics": [{"type": "Pods", "pods": pods}],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 30, "policies": policies}},
    }

    read = scaler_of(spec)

    assert (read.min_replicas, read.max_replicas) == (2, 9)
    assert read.targets == {"memory": Fraction(3, 5)}
    assert read.down == Rules(30, (Policy("Percent", 25, 60),))
    assert read.up == scaler().up
