"""How bindings share the traffic of a model."""

import random
from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.api.operations import GENERATION
from tintype_gateway.catalog.snapshot import Snapshot
from tintype_gateway.pipeline.stages.resolve import resolve
from tintype_testing.builders import TODAY, snapshot
from tintype_testing.manifests import image_model, provider_binding

ROUNDS = 4000


def sharing(weights: Mapping[str, int]) -> Snapshot:
    bindings = [provider_binding(name, weight=weight) for name, weight in weights.items()]
    return snapshot(image_model(), *bindings)


def order(known: Snapshot, draw: Callable[[], float]) -> list[str]:
    target = resolve(
        "canvas",
        None,
        known.view(),
        operation=GENERATION,
        today=TODAY,
        supports=lambda *_: True,
        draw=draw,
    )
    return [route.binding.name for route in target.routes]


@pytest.mark.parametrize(
    "weights", [{"a": 100, "b": 100}, {"a": 1, "b": 3}, {"a": 50, "b": 30, "c": 20}]
)
def test_equal_priorities_share_traffic_by_weight(weights: dict[str, int]) -> None:
    known, dice = sharing(weights), random.Random(7)  # noqa: S311  # dice, not keys
    firsts = Counter(order(known, dice.random)[0] for _ in range(ROUNDS))
    total = sum(weights.values())
    for name, weight in weights.items():
        assert firsts[name] / ROUNDS == pytest.approx(weight / total, abs=0.03)


def test_the_next_route_is_drawn_by_weight_among_the_rest() -> None:
    known, dice = sharing({"a": 600, "b": 300, "c": 100}), random.Random(7)  # noqa: S311
    orders = [order(known, dice.random) for _ in range(ROUNDS)]
    seconds = Counter(names[1] for names in orders if names[0] == "a")
    assert seconds["b"] / seconds.total() == pytest.approx(0.75, abs=0.03)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.randoms())
def test_a_lower_priority_number_always_comes_first(
    priorities: list[int], dice: random.Random
) -> None:
    bindings = [
        provider_binding(f"b{index}", priority=priority)
        for index, priority in enumerate(priorities)
    ]
    names = order(snapshot(image_model(), *bindings), dice.random)
    assert [priorities[int(name[1:])] for name in names] == sorted(priorities)


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 1000))
def test_any_draw_gives_every_route_once(number: float, weight: int) -> None:
    known = sharing({"a": weight, "b": 1, "c": 1000})
    assert sorted(order(known, lambda: number)) == ["a", "b", "c"]


def regional(is_healthy: Callable[[str, str], bool]) -> list[str]:
    bindings = [
        provider_binding("a", regions=["eu-west-1", "us-east-1"]),
        provider_binding("b", priority=1),
    ]
    target = resolve(
        *("canvas", None, snapshot(image_model(), *bindings).view()),
        operation=GENERATION,
        today=TODAY,
        supports=lambda *_: True,
        is_healthy=is_healthy,
    )
    return list(map(str, target.routes))


def test_every_region_is_a_route_and_the_preferred_one_comes_first() -> None:
    assert regional(lambda *_: True) == [
        "openai/eu-west-1/a",
        "openai/us-east-1/a",
        "openai/global/b",
    ]


def test_an_unhealthy_route_of_any_priority_is_the_last_resort() -> None:
    assert regional(lambda binding, region: region != "eu-west-1") == [
        "openai/us-east-1/a",
        "openai/global/b",
        "openai/eu-west-1/a",
    ]


def test_where_nothing_is_healthy_every_route_remains_in_its_order() -> None:
    assert regional(lambda *_: False) == regional(lambda *_: True)
