"""The provider's own fields of a request: which ones pass, and which mean a standard field."""

from typing import Any

import pytest
from hypothesis import given

from tests.catalog.strategies import json_values
from tests.gateway.pipeline.stages.adapting import adapted, clamp, mapping, refusal
from tintype_gateway.dialects.provider_parameters import merge
from tintype_testing.manifests import PIXELS, image_model

NOVA = image_model(
    size=PIXELS,
    parameters={
        "quality": mapping(standard="standard", hd="premium", premium="premium"),
        "seed": clamp(0, 100),
        "negative_prompt": {"handling": "Accept"},
    },
    providerParameters={
        "config": ["cfgScale", "quality", "seed", "width", "height"],
        "text": ["negative"],
        "anything": [],
        "steps": [],
    },
    equivalents={
        "config.quality": "quality",
        "config.seed": "seed",
        "config.width": "width",
        "config.height": "height",
        "text.negative": "negative_prompt",
    },
)


@pytest.mark.parametrize("value", [1, "x", [1, {"a": None}], {"a": {"b": 1.5}}, False])
def test_a_parameter_without_listed_fields_takes_any_value(value: Any) -> None:
    assert adapted(NOVA, "strict", anything=value).extras == {"anything": value}


def test_listed_fields_pass_as_they_are() -> None:
    job = adapted(NOVA, "strict", config={"cfgScale": 6.5})
    assert (job.extras, job.adjustments) == ({"config": {"cfgScale": 6.5}}, ())


def test_a_field_that_is_not_listed_is_refused_with_those_that_are() -> None:
    param, _, message = refusal(NOVA, text={"negative": "x", "numberOfImages": 5})
    assert param == "text.numberOfImages"
    assert message.endswith("takes negative")


@pytest.mark.parametrize("value", [1, "negative", ["negative"], [{"negative": "x"}], True])
def test_a_parameter_with_listed_fields_must_be_an_object(value: Any) -> None:
    assert refusal(NOVA, text=value) == (
        *("text", "unsupported_parameter"),
        "`text`: must be an object with negative",
    )


def test_a_parameter_of_another_model_names_the_models_that_take_it() -> None:
    others = [image_model(name, providerParameters={"svg": []}) for name in ("brush", "sketch")]
    with pytest.raises(Exception, match="`svg` is for brush, sketch: the model 'canvas'") as caught:
        adapted(NOVA, "lenient", *others, svg=1)
    assert (getattr(caught.value, "status", 0), getattr(caught.value, "param", "")) == (400, "svg")


def test_an_equivalent_is_the_standard_field_with_its_rules() -> None:
    job = adapted(NOVA, config={"quality": "hd", "seed": 500, "cfgScale": 3})
    assert job.parameters == {"quality": "premium", "seed": 100}
    assert job.extras == {"config": {"cfgScale": 3}}
    assert set(job.adjustments) == {"quality=hd->premium", "seed=500->100"}


def test_width_and_height_are_the_size() -> None:
    job = adapted(NOVA, "strict", config={"width": 1536, "height": 1024})
    assert (str(job.size.size), job.extras) == ("1536x1024", {})


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"quality": "standard", "config": {"quality": "hd"}}, "quality"),
        ({"seed": 1, "config": {"seed": 2}}, "seed"),
        ({"size": "1024x1024", "config": {"width": 2048, "height": 2048}}, "size"),
    ],
)
def test_contradictions_are_refused(fields: dict[str, Any], param: str) -> None:
    assert refusal(NOVA, **fields)[0] == param


def test_saying_the_same_twice_is_no_contradiction() -> None:
    job = adapted(NOVA, "strict", seed=7, size="1024x1024", config={"seed": 7, "width": 1024})
    assert (job.parameters, str(job.size.size)) == ({"seed": 7}, "1024x1024")


def test_of_two_negative_prompts_the_providers_own_goes_first() -> None:
    job = adapted(NOVA, negative_prompt="cats", text={"negative": "dogs"})
    assert job.parameters == {"negative_prompt": "dogs"}


@pytest.mark.parametrize(
    ("config", "param"),
    [
        ({"quality": 1}, "config.quality"),
        ({"quality": None}, "config.quality"),
        ({"seed": "1"}, "config.seed"),
        ({"seed": 1.0}, "config.seed"),
        ({"seed": True}, "config.seed"),
        ({"seed": 10**4000}, "config.seed"),
        ({"width": 0}, "config.width"),
        ({"height": 65536}, "config.height"),
    ],
)
def test_an_equivalent_has_the_type_of_the_standard_field(
    config: dict[str, Any], param: str
) -> None:
    assert refusal(NOVA, config=config)[0] == param


@given(json_values, json_values)
def test_merging_keeps_every_field_that_is_given(defaults: Any, given: Any) -> None:
    merged = merge(defaults, given)
    assert merge(merged, given) == merged
    if isinstance(defaults, dict) and isinstance(given, dict):
        assert merged.keys() == defaults.keys() | given.keys()
    else:
        assert merged == given
