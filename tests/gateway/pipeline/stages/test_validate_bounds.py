"""How large the value of a field may be."""

import json
from typing import Any

import pytest

from tintype_gateway.api.requests import ImageGenerationRequest
from tintype_gateway.errors import ValidationError
from tintype_gateway.pipeline.stages.validate import validate
from tintype_gateway.values.content import JsonBody
from tintype_testing.builders import snapshot
from tintype_testing.manifests import image_model

KNOWN = (
    snapshot(image_model("canvas", providerParameters={"safetySettings": [], "svg": ["model"]}))
    .view()
    .vocabulary
)


def nested(levels: int) -> object:
    value: object = 1
    for number in range(levels):
        value = [value] if number % 2 else {"a": value}
    return value


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "canvas", "prompt": "x"} | fields, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "value",
    [
        "x" * 32 * 1024,
        "é" * 16 * 1024,
        {"a": "x" * (32 * 1024 - 1)},
        list(range(256)),
        {f"{number}": number for number in range(256)},
        nested(8),
    ],
)
def test_a_value_at_a_bound_is_taken(value: object) -> None:
    assert validate(
        JsonBody(body(safetySettings=value)), KNOWN, ImageGenerationRequest
    ).provider_parameters == {"safetySettings": value}


@pytest.mark.parametrize(
    ("value", "bound"),
    [
        ("x" * (32 * 1024 + 1), "32768 bytes"),
        ("é" * (16 * 1024 + 1), "32768 bytes"),
        ({"a": "x" * 32 * 1024}, "32768 bytes"),
        ({"x" * 32 * 1024: "a"}, "32768 bytes"),
        ([["x" * 16 * 1024], ["x" * 16 * 1024, "x"]], "32768 bytes"),
        (list(range(257)), "256 values"),
        ({f"{number}": number for number in range(257)}, "256 values"),
        ([[1] * 16] * 16, "256 values"),
        (nested(9), "8 levels of objects and lists"),
    ],
)
@pytest.mark.parametrize("name", ["safetySettings", "svg"])
def test_a_value_beyond_a_bound_is_refused_with_its_field(
    name: str, value: object, bound: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate(JsonBody(body(**{name: value})), KNOWN, ImageGenerationRequest)

    (problem,) = refusal.value.problems
    assert (problem.param, problem.code) == (name, "invalid_value")
    assert problem.message == f"must have at most {bound}"


@pytest.mark.parametrize("name", ["prompt", "size", "unheard-of"])
def test_every_other_field_has_bounds_for_nested_values(name: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate(JsonBody(body(**{name: [0] * 257})), KNOWN, ImageGenerationRequest)

    assert [problem.param for problem in refusal.value.problems] == [name]
    assert "256 values" in refusal.value.problems[0].message


def test_all_fields_beyond_a_bound_are_named_at_once() -> None:
    with pytest.raises(ValidationError) as refusal:
        validate(
            JsonBody(body(safetySettings=[0] * 257, svg=nested(9))), KNOWN, ImageGenerationRequest
        )

    assert {problem.param for problem in refusal.value.problems} == {"safetySettings", "svg"}
