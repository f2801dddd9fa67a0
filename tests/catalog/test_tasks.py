"""The compiler reports an operation that no provider of a model supports."""

from typing import Any, get_args

import pytest

from tintype_catalog.compiler import compile_manifests
from tintype_catalog.problems import Problem
from tintype_catalog.providers import Dialect
from tintype_testing.manifests import (
    Manifest,
    compiled,
    image_model,
    per_token,
    provider_binding,
)


def manifests(dialect: str, operations: Manifest, **spec: Any) -> list[Manifest]:
    model = image_model(operations=operations)
    return [model, provider_binding(dialect=dialect, regions=["us-east-1"], **spec)]


def problems(dialect: str, operations: Manifest, **spec: Any) -> tuple[Problem, ...]:
    return compile_manifests(manifests(dialect, operations, **spec)).problems


@pytest.mark.parametrize(
    ("dialect", "operations"),
    [
        ("openai-images", {"edit": {"maxImages": 16, "mask": "Optional"}}),
        ("openai-images", {"generation": {}, "variation": {"defaultPrompt": "Like this."}}),
        ("openai-images", {"variation": {"task": "variations"}}),
        ("bedrock-amazon", {"generation": {}}),
        ("bedrock-amazon", {"generation": {"task": "COLOR_GUIDED_GENERATION"}}),
        ("bedrock-amazon", {"edit": {"task": "INPAINTING", "mask": "Required"}}),
        ("bedrock-amazon", {"edit": {"task": "INPAINTING", "prompt": "Optional"}}),
        ("bedrock-amazon", {"edit": {"task": "OUTPAINTING", "mask": "Optional"}}),
        ("bedrock-amazon", {"variation": {"task": "IMAGE_VARIATION"}}),
        ("bedrock-amazon", {"edit": {"task": "BACKGROUND_REMOVAL", "prompt": "None"}}),
        (
            "bedrock-amazon",
            {
                "edit": {
                    "task": "VIRTUAL_TRY_ON",
                    "prompt": "None",
                    "minImages": 2,
                    "maxImages": 2,
                    "mask": "Optional",
                }
            },
        ),
        ("bedrock-stability", {"edit": {"task": "inpaint", "mask": "Optional"}}),
        ("bedrock-stability", {"edit": {"task": "outpaint", "prompt": "Optional"}}),
        ("bedrock-stability", {"edit": {"task": "fast-upscale", "prompt": "None"}}),
        (
            "bedrock-stability",
            {"variation": {"task": "image-to-image", "defaultPrompt": "Like this."}},
        ),
        ("google-generate-content", {"generation": {}, "edit": {"maxImages": 14}}),
        ("google-predict", {"generation": {}}),
    ],
)
def test_an_operation_that_a_provider_supports_is_accepted(
    dialect: str, operations: Manifest
) -> None:
    assert problems(dialect, operations) == ()


@pytest.mark.parametrize(
    ("dialect", "operations", "message"),
    [
        (
            "google-predict",
            {"edit": {}},
            "the dialect google-predict has no `edit`",
        ),
        (
            "openai-images",
            {"edit": {"task": "INPAINTING"}},
            "`edit.task` must be left out for the dialect openai-images",
        ),
        (
            "openai-images",
            {"variation": {"task": "edits"}},
            "`variation.task` must be left out or one of variations for the dialect openai-images",
        ),
        (
            "bedrock-amazon",
            {"edit": {}},
            "`edit.task` must be one of BACKGROUND_REMOVAL, COLOR_GUIDED_GENERATION, "
            "IMAGE_VARIATION, INPAINTING, OUTPAINTING, TEXT_IMAGE, VIRTUAL_TRY_ON "
            "for the dialect bedrock-amazon",
        ),
        (
            "bedrock-amazon",
            {"edit": {"task": "IMAGE_VARIATION", "maxImages": 6}},
            "`edit` takes from 1 to 6 images, and IMAGE_VARIATION from 1 to 5",
        ),
        (
            "bedrock-stability",
            {"edit": {"task": "style-transfer"}},
            "`edit` takes from 1 to 1 images, and style-transfer from 2 to 2",
        ),
        (
            "google-generate-content",
            {"edit": {"mask": "Optional"}},
            "`edit.mask` must be None: the dialect takes none",
        ),
        (
            "bedrock-stability",
            {"edit": {"task": "remove-background"}},
            "`edit.prompt` must be None, without a `defaultPrompt`: remove-background takes none",
        ),
        (
            "bedrock-stability",
            {"edit": {"task": "search-replace", "prompt": "Optional"}},
            "`edit` needs `defaultPrompt`, or prompt Required: search-replace needs a prompt",
        ),
        (
            "openai-images",
            {"variation": {}},
            "`variation` needs `defaultPrompt`, or prompt Required: the dialect needs a prompt",
        ),
    ],
)
def test_unsupported_tasks_are_reported_at_the_binding(
    dialect: str, operations: Manifest, message: str
) -> None:
    (problem,) = problems(dialect, operations)

    assert (problem.kind, problem.name) == ("ProviderBinding", "canvas-openai")
    assert problem.field == "spec.dialect"
    assert problem.message == f"the operations of 'canvas': {message}"


def test_a_binding_that_is_switched_off_may_be_unable() -> None:
    assert problems("google-predict", {"edit": {}}, active=False) == ()


def test_images_of_a_request_must_have_a_price_by_token() -> None:
    unpriced = problems("openai-images", {"edit": {}}, pricing=per_token())
    priced = per_token(inputImageTokens={"formula": "Patches32"})

    assert [(problem.field, problem.reason, problem.message) for problem in unpriced] == [
        (
            "spec.pricing",
            "Unpriced",
            "inputImageTokens must say how many tokens the images of a request take",
        )
    ]
    assert problems("openai-images", {"edit": {}}, pricing=priced) == ()
    assert problems("openai-images", {"generation": {}}, pricing=per_token()) == ()


def test_a_feature_without_its_operation_is_a_problem_of_a_model_with_operations() -> None:
    model = image_model(operations={"generation": {}}, supportedFeatures=["image_edit"])

    (problem,) = compile_manifests([model]).problems

    assert problem.field == "spec.operations"
    assert problem.message == "`supportedFeatures` lists image_edit, and there is no `edit`"


def test_a_feature_without_any_operations_is_no_problem() -> None:
    assert compiled(image_model(supportedFeatures=["image_edit"])).models[0].features == ()


def test_a_model_that_makes_no_images_has_no_operations() -> None:
    model = image_model(operations={"edit": {}}, outputModality={"image": False, "text": True})

    (problem,) = compile_manifests([model]).problems

    assert problem.message == "the model makes no images: `outputModality.image` is false"


_SIZED = {"size": "ImageSize"}
_NEEDED: dict[str, Manifest] = {
    "azure-openai": {"endpoint": "https://images.openai.azure.com"},
    "vertex-predict": {"vertexAi": {"project": "studio"}},
    "vertex-generate-content": {"vertexAi": {"project": "studio"}},
    "fal": {"upstreamModel": "fal-ai/flux/dev", "input": _SIZED},
    "replicate": {"upstreamModel": "stability-ai/sdxl", "input": _SIZED},
}
"""What a binding needs of its dialect alone."""


@pytest.mark.parametrize("dialect", get_args(Dialect))
def test_every_dialect_makes_images_from_prompts(dialect: str) -> None:
    assert problems(dialect, {"generation": {}}, **_NEEDED.get(dialect, {})) == ()
