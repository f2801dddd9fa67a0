"""`input` of a binding: the fields of a model that a platform hosts."""

from typing import Any

import pytest

from tests.catalog.samples import fault
from tintype_catalog.compiler import compile_manifests
from tintype_catalog.model_input import ModelInput
from tintype_catalog.server_fields import is_dangerous, refused_fields
from tintype_testing.manifests import Manifest, image_model, provider_binding, read

VERSION = "0123456789abcdef" * 4


def hosted(dialect: str = "fal", model: str = "fal-ai/flux/dev", **spec: Any) -> Manifest:
    """Return a binding of a model at a platform, with `input` as its only option."""
    return provider_binding(
        **{"dialect": dialect, "upstreamModel": model, "provider": dialect} | spec
    )


def fields(**given: Any) -> ModelInput:
    """Return the fields of a model."""
    read_fields = read(ModelInput, given)
    assert isinstance(read_fields, ModelInput)
    return read_fields


def with_input(**given: Any) -> Manifest:
    """Return a binding with a model that is asked for a size in pixels."""
    return hosted(input={"size": "ImageSize"} | given)


def test_a_model_of_a_platform_compiles() -> None:
    compilation = compile_manifests([image_model(), with_input()])

    assert not compilation.problems
    assert compilation.catalog.bindings[0].input == fields(size="ImageSize")


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        (hosted(), "`input` goes with the dialects fal and replicate"),
        (provider_binding(input={}), "`input` goes with the dialects fal and replicate"),
        (hosted(model="flux", input={}), "`upstreamModel` must be OWNER/APP"),
        (hosted("replicate", "a/b/c", input={}), "`upstreamModel` must be OWNER/NAME"),
        (hosted("replicate", VERSION[1:], input={}), "`upstreamModel` must be OWNER/NAME"),
        (
            with_input(defaults={"image_size": "square"}),
            "`defaults`: the gateway fills in image_size by itself",
        ),
        (
            with_input(count="num_images", defaults={"num_images": 4, "prompt": "a fox"}),
            "`defaults`: the gateway fills in num_images, prompt by itself",
        ),
    ],
)
def test_contradictory_fields_are_refused(binding: Manifest, message: str) -> None:
    assert message in fault(binding).message


@pytest.mark.parametrize(
    "model", ["stability-ai/sdxl", "deployments/tintype/flux", VERSION, "black-forest-labs/flux-2"]
)
def test_replicate_has_models_deployments_and_versions(model: str) -> None:
    binding = hosted("replicate", model, input={"size": "WidthHeight"})

    assert not compile_manifests([image_model(), binding]).problems


@pytest.mark.parametrize(
    ("model", "given", "field", "message"),
    [
        (
            {"limits": {"maxImagesPerCall": 4}},
            {},
            "count",
            "is needed: `limits.maxImagesPerCall` of the model is 4",
        ),
        ({}, {"size": "Omit"}, "size", "is Omit, and `size.mode` of the model is List"),
        ({}, {"size": "AspectRatio"}, "size", "is AspectRatio, and `size.mode` of the model"),
        ({"size": {"mode": "None"}}, {}, "size", "is ImageSize, and `size.mode` of the model"),
        ({"operations": {"edit": {}}}, {}, "images", "`edit` of the model takes images"),
        (
            {"operations": {"edit": {"maxImages": 3}}},
            {"images": {"field": "image_url"}},
            "images.form",
            "must be List: `edit` of the model takes 3 images",
        ),
        (
            {"operations": {"edit": {"mask": "Required"}}},
            {"images": {"field": "image_url"}},
            "mask",
            "`edit` of the model always has a mask",
        ),
        (
            {"operations": {"edit": {}}},
            {"operations": ["generation"]},
            "operations",
            "has none of those of the model: edit",
        ),
        (
            {"providerParameters": {"loras": []}, "defaults": {"loras": []}},
            {},
            "allowedFields",
            "must list loras",
        ),
    ],
)
def test_fields_that_do_not_fit_the_model_are_refused(
    model: Manifest, given: Manifest, field: str, message: str
) -> None:
    (problem,) = compile_manifests([image_model(**model), with_input(**given)]).problems

    assert (problem.field, problem.reason) == (f"spec.input.{field}", "Invalid")
    assert message in problem.message


def test_a_binding_may_serve_some_operations_of_its_model() -> None:
    model = image_model(operations={"generation": {}, "edit": {"maxImages": 4}})
    bindings = [
        with_input(operations=["generation"]),
        hosted(
            name="canvas-edit",
            input={
                "operations": ["edit"],
                "size": "ImageSize",
                "images": {"field": "image_urls", "form": "List"},
            },
        ),
    ]

    assert not compile_manifests([model, *bindings]).problems


@pytest.mark.parametrize(
    "name",
    [
        *("enable_safety_checker", "disable_safety_checker", "safety_tolerance", "loras"),
        *("lora_weights", "replicate_weights", "fal_webhook", "webhook", "webhook_events_filter"),
        *("sync_mode", "image_url", "mask_url", "input_image", "num_images", "num_outputs"),
    ],
)
def test_a_field_that_reaches_beyond_the_image_must_be_listed(name: str) -> None:
    assert is_dangerous(name)
    assert [*refused_fields({name: "x"}, fields())] == [name]
    assert [*refused_fields({name: "x"}, fields(allowedFields=[name]))] == []


@pytest.mark.parametrize(
    "name",
    ["num_inference_steps", "guidance_scale", "prompt_strength", "go_fast", "scheduler", "seed"],
)
def test_fields_of_the_image_need_no_list(name: str) -> None:
    assert [*refused_fields({name: 1}, fields())] == []
