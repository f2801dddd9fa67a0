"""What stays in the catalog while an object is broken."""

from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.catalog import Catalog
from tintype_catalog.compiler import compile_manifests
from tintype_testing.manifests import (
    Manifest,
    changed,
    compiled,
    image_model,
    per_image,
    provider_binding,
    without,
)

MODEL, BINDING = image_model("canvas"), provider_binding("sketch", model="canvas")
GOOD = compiled(MODEL, BINDING)


def broken(manifest: Manifest) -> Manifest:
    return changed(manifest, "spec.oops", 1)


def test_a_broken_model_stays_as_it_was_and_its_binding_is_sound() -> None:
    catalog, problems = compile_manifests([broken(MODEL), BINDING], GOOD)

    assert catalog == GOOD
    assert {problem.name for problem in problems} == {"canvas"}


def test_a_broken_binding_stays_as_it_was() -> None:
    unpriced = changed(BINDING, "spec.pricing", {"type": "per_image"})

    catalog, problems = compile_manifests([MODEL, unpriced], GOOD)

    assert catalog == GOOD
    assert [problem.field for problem in problems] == ["spec.pricing"]


def test_an_object_without_a_spec_is_broken_and_not_deleted() -> None:
    assert compile_manifests([without(MODEL, "spec"), BINDING], GOOD).catalog == GOOD


def test_a_deleted_object_is_not_in_the_catalog() -> None:
    assert compile_manifests([MODEL], GOOD).catalog == compiled(MODEL)
    assert compile_manifests([], GOOD).catalog == Catalog()


def test_a_deleted_model_takes_its_bindings_with_it() -> None:
    catalog, problems = compile_manifests([BINDING], GOOD)

    assert catalog == Catalog()
    assert [problem.reason for problem in problems] == ["ModelNotFound"]


def test_a_deleted_object_stays_deleted_while_another_is_broken() -> None:
    other = image_model("other")
    before = compiled(MODEL, BINDING, other)

    catalog, _ = compile_manifests([broken(other)], before)

    assert catalog == compiled(other)


def test_a_broken_object_without_a_good_revision_is_left_out() -> None:
    catalog, problems = compile_manifests([MODEL, BINDING, broken(image_model("new"))], GOOD)

    assert catalog == GOOD
    assert [problem.name for problem in problems] == ["new"]


def test_a_repaired_object_counts_as_it_is_now() -> None:
    repaired = changed(MODEL, "spec.displayName", "Canvas")

    catalog, problems = compile_manifests([repaired, BINDING], GOOD)

    assert not problems
    assert catalog == compiled(repaired, BINDING)


def test_an_object_that_lost_its_id_keeps_its_last_good_revision() -> None:
    rival = image_model("rival", id="rival")
    before = compiled(rival, MODEL)

    catalog, _ = compile_manifests([changed(rival, "spec.id", "canvas"), MODEL], before)

    assert catalog == before


def test_a_kept_revision_never_beats_a_sound_object() -> None:
    heir = image_model("heir", created="2026-11-17T08:00:00Z", id="canvas")

    catalog, problems = compile_manifests([broken(MODEL), heir], GOOD)

    assert catalog == compiled(heir)
    assert [problem.name for problem in problems] == ["canvas"]


def test_a_sound_edit_of_a_binding_counts_while_its_model_is_broken() -> None:
    """An operator who switches a binding off must not wait for the author of a model."""
    off = changed(BINDING, "spec.active", False)

    catalog, _ = compile_manifests([broken(MODEL), off], GOOD)

    assert catalog == compiled(MODEL, off)


def test_a_new_binding_serves_the_last_good_revision_of_its_model() -> None:
    second = provider_binding("second", model="canvas", pricing=per_image("0.02"))

    catalog, _ = compile_manifests([broken(MODEL), BINDING, second], GOOD)

    assert catalog == compiled(MODEL, BINDING, second)


def test_the_first_of_two_objects_of_one_name_counts_with_and_without_a_past() -> None:
    twins = [MODEL, changed(MODEL, "spec.id", "other")]

    for previous in (None, Catalog(), compiled(changed(MODEL, "spec.id", "past"))):
        assert compile_manifests(twins, previous).catalog == compiled(MODEL)


@given(st.data())
def test_an_empty_past_is_as_good_as_none(data: st.DataObject) -> None:
    objects = [MODEL, image_model("rival", id="canvas"), BINDING, provider_binding("x", model="no")]
    folder = [broken(item) if data.draw(st.booleans()) else item for item in objects]

    assert compile_manifests(folder, Catalog()) == compile_manifests(folder)


@given(st.data())
def test_breaking_objects_changes_nothing_that_is_served(data: st.DataObject) -> None:
    objects = [MODEL, BINDING, image_model("other"), provider_binding(model="other")]
    folder = [broken(item) if data.draw(st.booleans()) else item for item in objects]

    assert compile_manifests(folder, compiled(*objects)).catalog == compiled(*objects)
