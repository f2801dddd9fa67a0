"""What becomes of each standard parameter on its way to a model."""

from typing import Any

import pytest

from tests.gateway.pipeline.stages.adapting import (
    ACCEPT,
    REJECT,
    STRIP,
    adapted,
    clamp,
    mapping,
    refusal,
    with_rules,
)
from tintype_gateway.pipeline.stages.adapt import Handling
from tintype_testing.manifests import Manifest, image_model

HANDLINGS: list[Handling] = ["lenient", "strict"]
VALUES: dict[str, Any] = {
    "quality": "hd",
    "style": "vivid",
    "background": "opaque",
    "output_format": "webp",
    "moderation": "low",
    "seed": -7,
    "negative_prompt": "no cats",
}


@pytest.mark.parametrize("handling", HANDLINGS)
@pytest.mark.parametrize("name", VALUES)
def test_an_accepted_value_is_forwarded(name: str, handling: Handling) -> None:
    job = adapted(with_rules(**{name: ACCEPT}), handling, **{name: VALUES[name]})
    assert (job.parameters, job.adjustments) == ({name: VALUES[name]}, ())


@pytest.mark.parametrize("name", sorted(VALUES.keys() - {"output_format"}))
def test_a_model_that_is_silent_about_a_parameter_strips_it(name: str) -> None:
    job = adapted(image_model(), **{name: VALUES[name]})
    assert (job.parameters, job.adjustments) == ({}, (f"{name}=stripped",))


def test_a_mapped_value_becomes_the_models_own() -> None:
    job = adapted(with_rules(quality=mapping(standard="medium", hd="high")), quality="standard")
    assert (job.quality, job.adjustments) == ("medium", ("quality=standard->medium",))


@pytest.mark.parametrize("handling", HANDLINGS)
def test_a_value_that_is_mapped_to_itself_is_not_changed(handling: Handling) -> None:
    job = adapted(with_rules(quality=mapping(high="high")), handling, quality="high")
    assert (job.quality, job.adjustments) == ("high", ())


def test_a_value_that_is_not_in_the_table_is_refused_with_those_that_are() -> None:
    model = with_rules(quality=mapping(low="low", high="high"))
    param, code, message = refusal(model, quality="hd")
    assert (param, code) == ("quality", "unsupported_value")
    assert message == "`quality`: the model 'canvas' takes low, high"


def test_a_value_that_is_not_in_the_table_may_be_stripped_instead() -> None:
    rule = mapping(vivid="vivid") | {"otherwise": "Strip"}
    job = adapted(with_rules(style=rule), style="natural")
    assert (job.parameters, job.adjustments) == ({}, ("style=stripped",))


@pytest.mark.parametrize(
    ("asked", "taken"), [(-5, 10), (9, 10), (10, 10), (15, 15), (20, 20), (2**62, 20)]
)
def test_a_clamped_number_is_moved_into_its_range(asked: int, taken: int) -> None:
    job = adapted(with_rules(seed=clamp(10, 20)), seed=asked)
    assert job.parameters == {"seed": taken}
    assert job.adjustments == (() if asked == taken else (f"seed={asked}->{taken}",))


@pytest.mark.parametrize("handling", HANDLINGS)
@pytest.mark.parametrize("name", VALUES)
def test_a_rejected_parameter_is_refused(name: str, handling: Handling) -> None:
    model = with_rules(**{name: REJECT})
    param, code, message = refusal(model, handling, **{name: VALUES[name]})
    assert (param, code) == (name, "unsupported_parameter")
    assert message == f"`{name}`: the model 'canvas' does not take it"


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        (STRIP, {"seed": 1}),
        (clamp(10, 20), {"seed": 1}),
        (mapping(hd="high"), {"quality": "hd"}),
        (mapping(hd="high") | {"otherwise": "Strip"}, {"quality": "low"}),
    ],
    ids=["strip", "clamp", "map", "strip otherwise"],
)
def test_under_strict_handling_a_change_is_an_error(rule: Manifest, fields: dict[str, Any]) -> None:
    (name,) = fields
    param, code, message = refusal(with_rules(**{name: rule}), "strict", **fields)
    assert (param, code) == (name, "unsupported_parameter")
    assert message.endswith("and handling is strict")


@pytest.mark.parametrize("handling", HANDLINGS)
def test_absent_fields_are_not_sent(handling: Handling) -> None:
    rules = dict.fromkeys(VALUES, REJECT)
    job = adapted(with_rules(**rules), handling)
    assert (job.parameters, job.extras, job.adjustments) == ({}, {}, ())


def test_the_user_field_goes_to_every_model() -> None:
    job = adapted(image_model(), "strict", user="u-1", safety_identifier="s-1")
    assert job.parameters == {"user": "u-1", "safety_identifier": "s-1"}
