"""What a manifest says of the operations of its model."""

from decimal import Decimal
from typing import Any

import pytest

from tests.catalog.samples import fault
from tintype_catalog.catalog import read_catalog
from tintype_catalog.operations import OperationName, OperationRule
from tintype_testing.builders import model
from tintype_testing.manifests import changed, compiled, image_model

EDITOR = image_model(operations={"edit": {}})


def rule(name: OperationName, **fields: Any) -> OperationRule:
    found = model(operations={name: fields}).operation_rule(name)
    assert found is not None
    return found


def test_a_model_without_operations_makes_images_from_prompts() -> None:
    plain = model()

    assert plain.operation_rule("generation") is not None
    assert plain.operation_rule("edit") is None
    assert plain.operation_rule("variation") is None


def test_a_model_without_operations_and_without_the_feature_makes_none() -> None:
    assert model(supportedFeatures=["upscale"]).operation_rule("generation") is None


def test_a_model_has_the_operations_that_it_lists_and_no_others() -> None:
    editor = model(operations={"edit": {"task": "INPAINTING"}})

    assert editor.operation_rule("generation") is None
    assert editor.operation_rule("variation") is None
    edit = editor.operation_rule("edit")
    assert edit is not None
    assert edit.task == "INPAINTING"


@pytest.mark.parametrize(
    ("spec", "features"),
    [
        ({}, ("image_generation",)),
        ({"supportedFeatures": []}, ()),
        ({"supportedFeatures": ["streaming"]}, ("streaming",)),
        ({"supportedFeatures": ["image_generation", "x"]}, ("image_generation", "x")),
        ({"supportedFeatures": ["image_edit", "x"]}, ("x",)),
        ({"operations": {"generation": {}}}, ("image_generation",)),
        ({"operations": {"variation": {}}}, ("image_variation",)),
        ({"operations": {"edit": {}}, "supportedFeatures": ["x"]}, ("image_edit", "x")),
        (
            {"operations": {"variation": {}, "edit": {}, "generation": {}}},
            ("image_generation", "image_edit", "image_variation"),
        ),
    ],
)
def test_the_features_of_a_model_are_its_operations_and_the_other_words_that_it_lists(
    spec: dict[str, Any], features: tuple[str, ...]
) -> None:
    assert model(**spec).features == features


def test_an_edit_takes_one_image_and_a_prompt_unless_the_manifest_says_more() -> None:
    edit = rule("edit")

    assert (edit.min_images, edit.max_images, edit.mask, edit.prompt) == (1, 1, "None", "Required")
    assert edit.input_formats == ("png", "jpeg")
    assert (edit.max_edge, edit.max_pixels, edit.max_bytes, edit.longest_ratio) == (None,) * 4


def test_a_generation_takes_a_prompt_and_no_image() -> None:
    generation = rule("generation")

    assert (generation.min_images, generation.max_images) == (0, 0)
    assert generation.prompt == "Required"


def test_a_variation_takes_one_image_and_no_prompt() -> None:
    variation = rule("variation", defaultPrompt="Make an image like this one.")

    assert (variation.min_images, variation.max_images, variation.prompt) == (1, 1, "None")
    assert variation.default_prompt == "Make an image like this one."


def test_an_aspect_ratio_is_an_exact_decimal() -> None:
    assert rule("edit", maxAspectRatio="2.5").longest_ratio == Decimal("2.5")


def test_operations_come_back_from_the_text_of_a_catalog() -> None:
    operations = {"generation": {}, "edit": {"maxImages": 16, "mask": "Optional"}}
    catalog = compiled(image_model(operations=operations))

    assert read_catalog(catalog.to_json()) == catalog


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("edit.minImages", -1),
        ("edit.maxImages", 17),
        ("edit.mask", "Maybe"),
        ("edit.prompt", "Never"),
        ("edit.task", "two words"),
        ("edit.defaultPrompt", ""),
        ("edit.defaultPrompt", "a" * 1025),
        ("edit.inputFormats", []),
        ("edit.maxEdge", 0),
        ("edit.maxPixels", 0),
        ("edit.maxBytes", 0),
        ("edit.maxAspectRatio", "0.5"),
        ("edit.maxAspectRatio", "5:2"),
        ("edit.maxAspectRatio", 2.5),
        ("generation.maxImages", 1),
        ("variation.mask", "Optional"),
        ("variation.prompt", "Required"),
        ("upscale", {}),
    ],
)
def test_a_value_out_of_bounds_is_refused(field: str, value: Any) -> None:
    everything = image_model(operations={"generation": {}, "edit": {}, "variation": {}})
    path = f"spec.operations.{field}"

    assert fault(changed(everything, path, value)).field == path


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            {"minImages": 3, "maxImages": 2},
            "`minImages` must be at most `maxImages`: 3 is more than 2",
        ),
        ({"minEdge": 65, "maxEdge": 64}, "`minEdge` must be at most `maxEdge`: 65 is more than 64"),
        (
            {"minPixels": 9, "maxPixels": 8},
            "`minPixels` must be at most `maxPixels`: 9 is more than 8",
        ),
        (
            {"minImages": 0, "maxImages": 0, "mask": "Optional"},
            "a `mask` needs an image: `maxImages` must be at least 1",
        ),
        ({"defaultPrompt": "Mend it."}, "`defaultPrompt` goes with prompt Optional or None"),
        ({"inputFormats": ["png", "png"]}, "`inputFormats` must name each format once"),
    ],
)
def test_fields_that_do_not_go_together_are_refused_with_a_reason(
    edit: dict[str, Any], message: str
) -> None:
    problem = fault(changed(EDITOR, "spec.operations.edit", edit))

    assert (problem.field, problem.message) == ("spec.operations.edit", message)


def test_operations_that_list_none_are_refused() -> None:
    problem = fault(changed(EDITOR, "spec.operations", {}))

    assert problem.field == "spec.operations"
    assert problem.message == "at least one of `generation`, `edit` and `variation`"
