"""What a model may say of request fields: their defaults, its own ones, and what those mean."""

from typing import Any

import pytest

from tintype_catalog.compiler import compile_manifests
from tintype_testing.manifests import Manifest, compiled, image_model

OWN = {"config": ["quality", "seed"], "svg": []}


def problems(model: Manifest) -> dict[str, str]:
    """Return the message of each field at fault."""
    return {problem.field: problem.message for problem in compile_manifests([model]).problems}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", "1024x1024"),
        ("size", "auto"),
        ("quality", "high"),
        ("seed", 7),
        ("output_compression", 0),
        ("svg", {"model": "m"}),
    ],
)
def test_a_default_may_be_any_value_that_a_request_may_have(field: str, value: Any) -> None:
    catalog = compiled(image_model(providerParameters=OWN, defaults={field: value}))

    assert catalog.models[0].defaults == {field: value}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("size", "large", "must be `WIDTHxHEIGHT` in pixels, or `auto`"),
        ("size", "1024x1024\n", "must be `WIDTHxHEIGHT` in pixels, or `auto`"),
        ("size", 1024, "must be a string"),
        ("quality", None, "must be a string"),
        ("style", ["vivid"], "must be a string"),
        ("seed", "7", "must be an integer"),
        ("seed", True, "must be an integer"),
        ("seed", 7.5, "must be an integer"),
        ("output_compression", "50", "must be an integer"),
    ],
)
def test_a_default_of_another_kind_is_refused(field: str, value: Any, message: str) -> None:
    assert problems(image_model(defaults={field: value})) == {f"spec.defaults.{field}": message}


@pytest.mark.parametrize("field", ["prompt", "model", "n", "stream", "nonsense"])
def test_a_default_of_a_field_that_has_none_is_refused(field: str) -> None:
    found = problems(image_model(providerParameters=OWN, defaults={field: "x"}))

    assert list(found) == [f"spec.defaults.{field}"]
    assert "must be one of" in found[f"spec.defaults.{field}"]
    assert "config" in found[f"spec.defaults.{field}"]


@pytest.mark.parametrize("field", ["prompt", "size", "quality", "stream", "partial_images"])
def test_a_provider_parameter_may_not_be_a_standard_field(field: str) -> None:
    message = "is a standard field, which no provider parameter may be called"
    assert problems(image_model(providerParameters={field: []})) == {
        f"spec.providerParameters.{field}": message
    }


@pytest.mark.parametrize("field", ["config.quality", "config.seed", "svg"])
def test_a_provider_parameter_may_mean_a_standard_field(field: str) -> None:
    compiled(image_model(providerParameters=OWN, equivalents={field: "seed"}))


@pytest.mark.parametrize("field", ["config", "config.style", "svg.model", "other", "other.seed"])
def test_an_unknown_provider_parameter_has_no_meaning(field: str) -> None:
    model = image_model(providerParameters=OWN, equivalents={field: "seed"})

    assert problems(model) == {f"spec.equivalents.{field}": "is not in `providerParameters`"}


@pytest.mark.parametrize(
    ("field", "rule", "message"),
    [
        ("quality", {"handling": "Clamp", "minimum": 0, "maximum": 9}, "only numbers can Clamp"),
        ("seed", {"handling": "Map", "values": {"a": "b"}}, "only texts can Map"),
    ],
)
def test_a_rule_must_fit_the_kind_of_its_parameter(field: str, rule: Any, message: str) -> None:
    _, problems = compile_manifests([image_model(parameters={field: rule})])

    assert [problem.field for problem in problems] == [f"spec.parameters.{field}"]
    assert message in problems[0].message
