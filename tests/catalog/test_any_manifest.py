"""Reading any manifest ends in a resource or in problems."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.samples import BINDING, MODEL, TOKENS, fault
from tests.catalog.strategies import json_values
from tintype_catalog.resources import parse_resource
from tintype_testing.manifests import Manifest, changed, image_model


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of everything in a manifest."""
    if isinstance(value, dict | list):
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        for step, child in steps:
            below = f"{path}.{step}".removeprefix(".")
            yield below
            yield from paths(child, below)


@st.composite
def spoiled(draw: st.DrawFn) -> Manifest:
    """Draw a manifest in which something was replaced by anything."""
    manifest = draw(st.sampled_from([MODEL, BINDING, TOKENS]))
    return changed(manifest, draw(st.sampled_from(list(paths(manifest)))), draw(json_values))


@given(spoiled() | st.dictionaries(st.text(max_size=8), json_values, max_size=5))
def test_any_json_object_is_read_or_has_problems(manifest: Manifest) -> None:
    parsed = parse_resource(manifest)

    if isinstance(parsed, list):
        assert parsed
        assert all(str(problem) for problem in parsed)
    else:
        assert parsed.kind == manifest["kind"]


@pytest.mark.parametrize("depth", [50, 300, 20_000])
def test_a_manifest_may_be_nested_absurdly_deep(depth: int) -> None:
    nest: Any = "bottom"
    for _ in range(depth):
        nest = [nest]

    problem = fault(changed(MODEL, "spec.defaults", nest))

    assert len(str(problem)) < 200


def test_half_a_surrogate_pair_is_a_problem_and_no_crash() -> None:
    """JSON can spell one, and a text that cannot be encoded must not reach a catalog."""
    assert fault(changed(MODEL, "spec.displayName", "\ud83c")).kind == "ImageModel"
    assert fault(changed(MODEL, "metadata.name", "\ud83c")).kind == "ImageModel"
    assert fault(changed(MODEL, "kind", "\ud83c")).field == "apiVersion, kind"


def test_a_manifest_that_holds_itself_is_a_problem() -> None:
    looped = image_model()
    looped["spec"]["defaults"] = {"self": looped}

    assert isinstance(parse_resource(looped), list)


def test_a_manifest_with_keys_of_bytes_is_a_problem() -> None:
    manifest = image_model()
    manifest["spec"]["defaults"] = {b"seed": 1}

    assert isinstance(parse_resource(manifest), list)
