"""How a job becomes calls to a provider."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.pipeline.stages.adapting import ACCEPT, clamp
from tintype_gateway.dialects.registry import get_dialect
from tintype_gateway.upstream.translate import divide, translate
from tintype_gateway.values.upstream import PlannedCall
from tintype_testing.builders import candidate, job, model
from tintype_testing.manifests import Manifest
from tintype_testing.upstream_requests import sent_json


def planned(
    images: int, per_call: int, rule: Manifest = ACCEPT, **parameters: Any
) -> list[PlannedCall]:
    spec = {"limits": {"maxImagesPerCall": per_call}, "parameters": {"seed": rule}}
    return list(divide(job(images=images, **parameters), model(**spec)))


def bodies(calls: list[PlannedCall]) -> list[dict[str, Any]]:
    openai = get_dialect("openai-images")
    return [sent_json(translate(call, candidate(), openai)) for call in calls]


def seeds(calls: list[PlannedCall]) -> list[int]:
    return [body["seed"] for body in bodies(calls)]


@pytest.mark.parametrize(
    ("images", "per_call", "asked"),
    [(1, 1, [1]), (10, 10, [10]), (3, 1, [1, 1, 1]), (10, 4, [4, 4, 2]), (2, 5, [2])],
)
def test_more_images_than_a_call_gives_take_several_calls(
    images: int, per_call: int, asked: list[int]
) -> None:
    assert [call.asked for call in planned(images, per_call)] == asked


def test_a_stream_asks_for_each_image_by_itself() -> None:
    assert [call.asked for call in planned(3, 10, streamed=True)] == [1, 1, 1]


@given(st.integers(1, 10), st.integers(1, 10))
def test_the_calls_together_ask_for_every_image_once(images: int, per_call: int) -> None:
    calls = planned(images, per_call)
    indexes = [call.first + index for call in calls for index in range(call.asked)]
    assert indexes == list(range(images))
    assert [body["n"] for body in bodies(calls)] == [call.asked for call in calls]


def test_each_call_has_a_seed_of_its_own_or_all_would_give_the_same_image() -> None:
    assert seeds(planned(3, 1, seed=41)) == [41, 42, 43]
    assert seeds(planned(5, 2, seed=41)) == [41, 43, 45]


def test_seeds_beyond_the_largest_start_again_at_the_least() -> None:
    assert seeds(planned(4, 1, clamp(10, 12), seed=11)) == [11, 12, 10, 11]


@given(st.integers(0, 20), st.integers(0, 20), st.data())
def test_every_seed_is_one_that_the_model_takes(low: int, spread: int, data: st.DataObject) -> None:
    seed = data.draw(st.integers(low, low + spread))
    taken = seeds(planned(10, 1, clamp(low, low + spread), seed=seed))
    assert taken[0] == seed
    assert all(low <= each <= low + spread for each in taken)
    assert len(set(taken)) == min(10, spread + 1)


def test_calls_without_a_seed_are_all_alike() -> None:
    first, *others = bodies(planned(3, 1))
    assert "seed" not in first
    assert others == [first, first]
