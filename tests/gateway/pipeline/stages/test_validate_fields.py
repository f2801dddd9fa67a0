"""Each field of a request: its type, its range, its words."""

from itertools import product
from typing import Any

import pytest

from tintype_gateway.api.requests import ImageGenerationRequest
from tintype_gateway.errors import FieldProblem, UnsupportedParameterError, ValidationError
from tintype_gateway.pipeline.stages.validate import validate
from tintype_gateway.values.content import JsonBody
from tintype_testing.builders import body, snapshot, valid
from tintype_testing.manifests import Manifest, image_model, qualities


def with_style(**values: str) -> Manifest:
    return {"style": {"handling": "Map", "values": values}}


KNOWN = snapshot(
    image_model("canvas", parameters=qualities(premium="high")),
    image_model(
        "sketch", parameters=with_style(noir="noir"), providerParameters={"svg": ["model"]}
    ),
)

GOOD: list[tuple[str, Any]] = [
    ("model", "bedrock/amazon.nova-canvas-v1:0"),
    ("model", "m" * 256),
    ("prompt", "x"),
    ("prompt", "Ein Igel 🦔\n\0"),
    *(("n", count) for count in (1, 10)),
    *(("size", size) for size in ("1024x1024", "1x99999", "auto")),
    *(("quality", word) for word in ("standard", "hd", "low", "medium", "high", "auto", "premium")),
    *(("style", word) for word in ("vivid", "natural", "noir")),
    *(("background", word) for word in ("transparent", "opaque", "auto")),
    *(("output_format", word) for word in ("png", "jpeg", "webp")),
    *(("output_compression", percent) for percent in (0, 100)),
    *(("moderation", word) for word in ("auto", "low")),
    *(("seed", number) for number in (-(2**63), 0, 2**63 - 1)),
    *(("negative_prompt", text) for text in ("", "x" * 32_000)),
    *(("user", text) for text in ("", "x" * 512)),
    *(("safety_identifier", text) for text in ("", "x" * 512)),
    ("response_format", "b64_json"),
    ("stream", False),
    ("partial_images", 0),
]

STRINGS = (
    *("model", "prompt", "size", "quality", "style", "negative_prompt"),
    *("user", "safety_identifier"),
)
INTEGERS = ("n", "output_compression", "seed", "partial_images")
WORDS = ("background", "output_format", "moderation", "response_format")

MISTYPED: list[tuple[str, Any]] = [
    *product(STRINGS, (1, True, ["x"], {})),
    *product(INTEGERS, ("1", 1.0, 1.5, True, [1], {})),
    *product(["stream"], ("true", 0, 1, [])),
]

OUT_OF_RANGE: list[tuple[str, Any]] = [
    *((name, "") for name in ("model", "prompt", "size", "quality", "style")),
    ("model", "m" * 257),
    *(("n", count) for count in (0, 11, -1, 10**40)),
    *(
        ("size", text)
        for text in ("1024", "0x1", "1024X1024", "1x100000", "\uff11x1", "1x1\n", "AUTO")
    ),
    *(("quality", word) for word in ("HD", "ultra", "noir", "high\n")),
    *(("style", word) for word in ("Vivid", "premium")),
    *product(WORDS, ("", "x", 1, True, ["png"])),
    *(("output_compression", percent) for percent in (-1, 101)),
    *(("seed", number) for number in (-(2**63) - 1, 2**63)),
    ("negative_prompt", "x" * 32_001),
    *((name, "x" * 513) for name in ("user", "safety_identifier")),
    *(("partial_images", count) for count in (-1, 4)),
]


def problems(**fields: Any) -> tuple[FieldProblem, ...]:
    with pytest.raises(ValidationError) as refusal:
        validate(JsonBody(body(**fields)), KNOWN.view().vocabulary, ImageGenerationRequest)
    return refusal.value.problems


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_a_value_in_its_range_is_taken_as_it_is(name: str, value: Any) -> None:
    assert getattr(valid(KNOWN, **{name: value}).fields, name) == value


@pytest.mark.parametrize(("name", "value"), MISTYPED)
def test_a_value_of_another_type_is_refused(name: str, value: Any) -> None:
    (problem,) = problems(**{name: value})
    assert (problem.param, problem.code) == (name, "invalid_type")
    assert problem.message.startswith("must be a valid")


@pytest.mark.parametrize(("name", "value"), OUT_OF_RANGE)
def test_a_value_out_of_its_range_is_refused(name: str, value: Any) -> None:
    (problem,) = problems(**{name: value})
    assert (problem.param, problem.code) == (name, "invalid_value")
    assert problem.message.startswith("must ")


@pytest.mark.parametrize("name", ["model", "prompt"])
@pytest.mark.parametrize("null", [True, False])
def test_a_required_field_is_missed_even_where_it_is_null(name: str, null: bool) -> None:
    fields = {"model": "canvas", "prompt": "x"} | {name: None}
    text = body(**fields) if null else b'{"prompt": "x"}' if name == "model" else b'{"model": "x"}'
    with pytest.raises(ValidationError) as refusal:
        validate(JsonBody(text), KNOWN.view().vocabulary, ImageGenerationRequest)
    assert refusal.value.problems[0][::2] == (name, "missing_required_parameter")


@pytest.mark.parametrize("name", [*sorted({name for name, _ in GOOD[4:]}), "svg"])
def test_null_means_left_out(name: str) -> None:
    assert valid(KNOWN, **{name: None}) == valid(KNOWN)


def test_an_unknown_quality_gets_the_list_of_known_ones() -> None:
    (problem,) = problems(quality="ultra")
    words = "auto, hd, high, low, medium, premium, standard"
    assert problem.message == f"must be one of {words}"


@pytest.mark.parametrize(
    ("name", "meant"),
    [("promt", "prompt"), ("Model", "model"), ("negtive_prompt", "negative_prompt")],
)
def test_a_misspelt_field_gets_a_suggestion(name: str, meant: str) -> None:
    (problem,) = problems(**{name: 1})
    assert problem.message == f"unknown field: did you mean `{meant}`?"
    assert problem.code == "unknown_parameter"


def test_a_field_that_is_missing_is_said_to_be_required() -> None:
    with pytest.raises(ValidationError) as refusal:
        validate(JsonBody(b'{"model": "x"}'), KNOWN.view().vocabulary, ImageGenerationRequest)
    assert [problem.message for problem in refusal.value.problems] == ["is required"]


@pytest.mark.parametrize("name", ["input_fidelity", "svg.model", "\r\nX: 1", ""])
def test_an_unknown_field_is_refused(name: str) -> None:
    (problem,) = problems(**{name: 1})
    assert (problem.message, problem.code) == ("unknown field", "unknown_parameter")


def test_a_provider_parameter_that_some_model_knows_passes() -> None:
    request = valid(KNOWN, svg={"model": "x"})
    assert request.provider_parameters == {"svg": {"model": "x"}}
    assert request.fields == valid(KNOWN).fields


def test_all_problems_are_named_at_once() -> None:
    found = problems(n=0, size="big", quality="ultra", style=1, background="red", colour="red")
    assert {problem.param for problem in found} == {
        *("n", "size", "quality", "style", "background", "colour")
    }


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"stream": True, "response_format": "url"}, "response_format"),
        ({"partial_images": 1}, "partial_images"),
        ({"partial_images": 1, "stream": False}, "partial_images"),
    ],
)
def test_fields_that_do_not_go_together_are_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedParameterError, match=r"go(es)? with") as refusal:
        valid(KNOWN, **fields)
    assert (refusal.value.status, refusal.value.param) == (400, param)


@pytest.mark.parametrize(
    "fields",
    [
        {"stream": True, "partial_images": 3},
        {"stream": True, "response_format": "b64_json"},
        {"partial_images": 0},
    ],
)
def test_fields_that_go_together_are_valid(fields: dict[str, Any]) -> None:
    assert valid(KNOWN, **fields)


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_a_number_that_no_float_can_hold_is_refused(number: str) -> None:
    text = b'{"model": "sketch", "prompt": "x", "svg": {"model": [%s]}}' % number.encode()
    with pytest.raises(ValidationError) as refusal:
        validate(JsonBody(text), KNOWN.view().vocabulary, ImageGenerationRequest)
    assert refusal.value.problems[0][::2] == ("svg", "invalid_value")


@pytest.mark.parametrize("name", ["taskType", "numberOfImages", "sampleCount", "candidateCount"])
def test_fields_that_the_gateway_sets_are_refused_by_name(name: str) -> None:
    with pytest.raises(UnsupportedParameterError) as caught:
        valid(**{name: 2})

    assert (caught.value.status, caught.value.param) == (400, name)


def test_an_unknown_field_is_refused_also_where_it_is_null() -> None:
    assert problems(qualty=None)[0].param == "qualty"
