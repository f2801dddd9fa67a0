"""The starter catalog and the overlay that `tintype gateway --simulate` lays over it."""

import datetime
from typing import Any

import pytest

from tintype_catalog.catalog import Catalog, Model
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
        *{"amazon.titan-image-generator-v2:0", "amazon.nova-canvas-v1:0"},
        *{"stability.stable-image-core-v1:0", "stability.stable-image-core-v1:1"},
        *{"stability.stable-image-ultra-v1:0", "stability.stable-image-ultra-v1:1"},
        "stability.sd3-5-large-v1:0",
        *{"imagen-4.0-fast-generate-001", "imagen-4.0-generate-001"},
        "imagen-4.0-ultra-generate-001",
        *{"gemini-2.5-flash-image", "gemini-3.1-flash-image", "gemini-3-pro-image"},
        "gemini-3.1-flash-lite-image",
        "gpt-5-mini",
    }


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


def test_what_retires_is_replaced_by_a_model_that_stays() -> None:
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


def test_every_default_is_a_value_that_the_model_takes() -> None:
    for item in CATALOG.models:
        for field, value in item.defaults.items():
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
