"""The starter catalog and the overlay that `tintype gateway --simulate` lays over it."""

import datetime
from collections import Counter
from typing import Any

import pytest

from tintype_catalog.catalog import Catalog, Model
from tintype_catalog.image_model import Parameters
from tintype_catalog.sizes import Size, choose
from tintype_testing.manifests import (
    OVERLAYS,
    STARTER,
    Manifest,
    compiled,
    merged,
    read_manifests,
)

MANIFESTS = read_manifests(STARTER)
CATALOG = compiled(*MANIFESTS)
PATCHES = read_manifests(OVERLAYS / "simulated")
TODAY = datetime.date(2026, 11, 20)

AMAZON_TASKS = {
    "inpainting": "INPAINTING",
    "outpainting": "OUTPAINTING",
    "variation": "IMAGE_VARIATION",
    "conditioned": "TEXT_IMAGE",
    "color-guided": "COLOR_GUIDED_GENERATION",
    "background-removal": "BACKGROUND_REMOVAL",
    "virtual-try-on": "VIRTUAL_TRY_ON",
}
"""What the names of models say of Amazon's tasks."""

STABILITY_SERVICES = {
    "stable-image-inpaint": "inpaint",
    "stable-image-erase-object": "erase-object",
    "stable-outpaint": "outpaint",
    "stable-image-search-replace": "search-replace",
    "stable-image-search-recolor": "search-recolor",
    "stable-image-remove-background": "remove-background",
    "stable-image-control-sketch": "control-sketch",
    "stable-image-control-structure": "control-structure",
    "stable-image-style-guide": "style-guide",
    "stable-style-transfer": "style-transfer",
    "stable-creative-upscale": "creative-upscale",
    "stable-conservative-upscale": "conservative-upscale",
    "stable-fast-upscale": "fast-upscale",
}
"""The thirteen image services of Stability by their names in Bedrock."""

GPT = ("gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2")
GPT_2_5 = ("gpt-image-2.5-flare", "gpt-image-2.5-sunburst")
GPT_2_6 = ("gpt-image-2.6-flare", "gpt-image-2.6-sunburst")
GEMINI = (
    *("gemini-2.5-flash-image", "gemini-3-pro-image"),
    *("gemini-3.1-flash-image", "gemini-3.1-flash-lite-image"),
)


def key(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def rehearsed() -> Catalog:
    """Return the starter catalog under its overlay."""
    patches = {key(patch): patch for patch in PATCHES}
    return compiled(*(merged(item, patches.get(key(item), {})) for item in MANIFESTS))


def model(catalog: Catalog, model_id: str) -> Model:
    return next(item for item in catalog.models if item.id == model_id)


def retired(catalog: Catalog) -> list[str]:
    """Return the ids of the models that are retired one day long after the last date."""
    later = datetime.date(2030, 1, 1)
    return [item.id for item in catalog.models if item.lifecycle.state(later) == "Retired"]


def test_the_starter_catalog_holds_every_model_that_a_client_may_know() -> None:
    assert {item.id for item in CATALOG.models} == {
        *{"dall-e-2", "dall-e-3", "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5"},
        *{"gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst"},
        *{"gpt-image-2.6-flare", "gpt-image-2.6-sunburst"},
        *{"amazon.titan-image-generator-v2:0", "amazon.nova-canvas-v1:0"},
        *(f"titan-image-generator-v2-{task}" for task in AMAZON_TASKS.keys() - {"virtual-try-on"}),
        *(f"nova-canvas-{task}" for task in AMAZON_TASKS),
        *{"stability.stable-image-core-v1:0", "stability.stable-image-core-v1:1"},
        *{"stability.stable-image-ultra-v1:0", "stability.stable-image-ultra-v1:1"},
        *{"stability.sd3-5-large-v1:0", "stability.sd3-5-large-v1:0-image-to-image"},
        *(f"stability.{service}-v1:0" for service in STABILITY_SERVICES),
        *{"imagen-4.0-fast-generate-001", "imagen-4.0-generate-001"},
        "imagen-4.0-ultra-generate-001",
        *{"gemini-2.5-flash-image", "gemini-3.1-flash-image", "gemini-3-pro-image"},
        "gemini-3.1-flash-lite-image",
        "gpt-5-mini",
    }


def operations(operation: str) -> Counter[tuple[str, str | None]]:
    """Return how often each model lists an operation, with its task."""
    return Counter(
        (item.id, rule.task)
        for item in CATALOG.models
        for name, rule in item.rules.items()
        if name == operation
    )


def test_each_model_that_edits_is_listed_once_with_its_task() -> None:
    amazon = [
        (f"{family}-{name}", task)
        for family in ("titan-image-generator-v2", "nova-canvas")
        for name, task in AMAZON_TASKS.items()
        if (family, name) != ("titan-image-generator-v2", "virtual-try-on")
    ]
    stability = [(f"stability.{name}-v1:0", task) for name, task in STABILITY_SERVICES.items()]
    assert operations("edit") == Counter(
        [
            *((model_id, None) for model_id in (*GPT, *GPT_2_5, *GPT_2_6, *GEMINI)),
            *amazon,
            *stability,
            ("stability.sd3-5-large-v1:0-image-to-image", "image-to-image"),
        ]
    )


def test_each_model_that_makes_variations_is_listed_once_with_its_task() -> None:
    amazon = (
        *("amazon.titan-image-generator-v2:0", "amazon.nova-canvas-v1:0"),
        *("titan-image-generator-v2-variation", "nova-canvas-variation"),
    )
    assert operations("variation") == Counter(
        [
            *((model_id, None) for model_id in (*GPT, *GPT_2_5, *GPT_2_6, *GEMINI)),
            *((model_id, "IMAGE_VARIATION") for model_id in amazon),
            ("stability.sd3-5-large-v1:0-image-to-image", "image-to-image"),
        ]
    )


def test_a_model_of_a_task_calls_the_model_of_its_provider() -> None:
    upstream = {binding.model_ref.name: binding.upstream_model for binding in CATALOG.bindings}

    for task in AMAZON_TASKS:
        assert upstream[f"nova-canvas-{task}"] == "amazon.nova-canvas-v1:0"
    for service in STABILITY_SERVICES:
        assert upstream[f"stability-{service}-v1-0"] == f"us.stability.{service}-v1:0"


def test_a_canvas_grows_to_the_size_that_is_asked_for_and_to_none_that_is_not() -> None:
    outpaint = model(CATALOG, "stability.stable-outpaint-v1:0")

    assert choose(outpaint.size, Size(3000, 1200)).size == Size(3000, 1200)
    assert outpaint.defaults["size"] == "auto"
    assert choose(outpaint.size, None).size is None


def test_an_edit_of_several_images_takes_as_many_as_the_provider_does() -> None:
    most = {
        item.id: item.rules["edit"].max_images for item in CATALOG.models if "edit" in item.rules
    }

    assert {most[model_id] for model_id in (*GPT, *GPT_2_5, *GPT_2_6)} == {16}
    assert [most[model_id] for model_id in GEMINI] == [3, 14, 14, 14]
    assert most["nova-canvas-variation"] == 5
    assert most["nova-canvas-virtual-try-on"] == most["stability.stable-style-transfer-v1:0"] == 2


@pytest.mark.parametrize(
    ("model_id", "values"),
    [
        ("gpt-image-1", {"low", "high"}),
        ("gpt-image-1.5", {"low", "high"}),
        ("gpt-image-1-mini", {"low"}),
        ("gpt-image-2", set()),
        ("gpt-image-2.5-flare", set()),
        ("gpt-image-2.6-flare", set()),
        ("gemini-3-pro-image", set()),
    ],
)
def test_input_fidelity_is_what_the_provider_takes_and_refused_elsewhere(
    model_id: str, values: set[str]
) -> None:
    rule = model(CATALOG, model_id).parameters.input_fidelity

    assert rule.values.keys() == values
    assert rule.handling == ("Map" if values else "Reject")


@pytest.mark.parametrize("model_id", GPT_2_6)
def test_gpt_image_2_6_has_what_third_parties_know_of_it(model_id: str) -> None:
    found = model(CATALOG, model_id)

    assert {"gif", "svg"} <= found.parameters.output_format.values.keys()
    assert {"complexity", "markup", "svg"} <= found.provider_parameters.keys()


def test_every_model_has_a_file_of_its_name() -> None:
    assert [item.name for item in CATALOG.models] == sorted(
        file.stem for file in STARTER.glob("*.yaml")
    )


def test_every_model_that_makes_images_has_a_binding_and_the_text_model_has_none() -> None:
    bound = {binding.model_ref.name for binding in CATALOG.bindings}

    assert bound == {item.name for item in CATALOG.models if item.output_modality.image}
    assert {item.name for item in CATALOG.models} - bound == {"gpt-5-mini"}


def test_a_binding_is_active_unless_its_model_was_shut_down_for_good() -> None:
    inactive = [binding.upstream_model for binding in CATALOG.bindings if not binding.active]

    assert inactive == ["dall-e-2", "dall-e-3"]


@pytest.mark.parametrize(
    ("model_id", "day"),
    [
        ("dall-e-2", "2026-05-12"),
        ("dall-e-3", "2026-05-12"),
        ("gpt-image-1", "2026-10-23"),
        ("gpt-image-1-mini", "2026-12-01"),
        ("gpt-image-1.5", "2026-12-01"),
        ("gpt-image-2", None),
        ("gpt-image-2.5-flare", None),
        ("gpt-image-2.5-sunburst", None),
        ("gpt-5-mini", None),
    ],
)
def test_a_model_retires_on_the_day_that_openai_announced(model_id: str, day: str | None) -> None:
    expected = datetime.date.fromisoformat(day) if day else None

    assert model(CATALOG, model_id).lifecycle.retires_on == expected


def test_a_retiring_model_has_a_replacement_that_stays() -> None:
    for model_id in retired(CATALOG):
        replacement = model(CATALOG, model_id).lifecycle.replacement
        assert replacement is not None
        assert model(CATALOG, replacement).lifecycle.state(TODAY) == "Active"


@pytest.mark.parametrize(
    ("alias", "model_id"),
    [
        ("chatgpt-image-latest", "gpt-image-1.5"),
        ("gpt-image-2-2026-04-21", "gpt-image-2"),
        ("gpt-image-2.5-flare-2026-09-08", "gpt-image-2.5-flare"),
        ("gpt-image-2.5-sunburst-2026-09-08", "gpt-image-2.5-sunburst"),
    ],
)
def test_a_snapshot_is_an_alias_of_its_model(alias: str, model_id: str) -> None:
    assert alias in model(CATALOG, model_id).aliases


def test_every_default_of_a_standard_parameter_is_a_value_that_the_model_takes() -> None:
    for item in CATALOG.models:
        for field, value in item.defaults.items():
            if field in Parameters.model_fields:
                rule = getattr(item.parameters, field)
                assert value in rule.values or rule.minimum <= value <= rule.maximum


def test_the_overlay_patches_models_that_exist() -> None:
    assert {key(patch) for patch in PATCHES} <= {key(item) for item in MANIFESTS}


def test_the_overlay_lifts_every_retirement_but_those_of_dall_e() -> None:
    assert retired(rehearsed()) == ["dall-e-2", "dall-e-3"]


def test_the_overlay_changes_nothing_but_retirement() -> None:
    before, after = ({item.id: spec(item) for item in c.models} for c in (CATALOG, rehearsed()))

    assert before == after
    assert rehearsed().bindings == CATALOG.bindings


def spec(item: Model) -> dict[str, Any]:
    return item.model_dump(exclude={"lifecycle": {"retires_on"}})
