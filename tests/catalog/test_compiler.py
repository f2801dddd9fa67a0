import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.catalog import Catalog
from tintype_catalog.compiler import compile_manifests
from tintype_catalog.problems import Problem
from tintype_testing.manifests import (
    Manifest,
    by_size,
    changed,
    compiled,
    image_model,
    per_image,
    price,
    provider_binding,
    without,
)

MONDAY, TUESDAY = "2026-11-16T08:00:00Z", "2026-11-17T08:00:00Z"


def names(catalog: Catalog) -> tuple[list[str], list[str]]:
    """Return the names of the models and of the bindings of a catalog."""
    return [item.name for item in catalog.models], [item.name for item in catalog.bindings]


def only(problems: Sequence[Problem]) -> Problem:
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


@st.composite
def folders(draw: st.DrawFn) -> list[Manifest]:
    """Draw objects that claim each other's ids, are broken, or bind to what is not there."""
    ids = st.sampled_from(["red", "green", "blue", "grey"])
    ages = st.sampled_from([None, MONDAY, TUESDAY])
    models = [
        image_model(name, created=draw(ages), id=draw(ids), aliases=draw(st.lists(ids, max_size=2)))
        for name in draw(st.sets(ids))
    ]
    bindings = [
        provider_binding(name, model=draw(ids), created=draw(ages), active=draw(st.booleans()))
        for name in draw(st.sets(ids))
    ]
    objects = [*models, *bindings]
    broken = [changed(item, "spec.oops", 1) if draw(st.booleans()) else item for item in objects]
    return draw(st.permutations(broken if draw(st.booleans()) else objects))


def test_a_model_and_its_binding_make_a_catalog() -> None:
    catalog = compiled(image_model("canvas", aliases=["sketch"]), provider_binding(model="canvas"))

    assert catalog.models[0].aliases == ("sketch",)
    assert catalog.bindings[0].model_ref.name == "canvas"
    assert names(catalog) == (["canvas"], ["canvas-openai"])


def test_nothing_makes_an_empty_catalog() -> None:
    assert compile_manifests([]) == (Catalog(), ())


def test_a_text_only_model_needs_no_size_and_no_binding() -> None:
    modality = {"image": False, "text": True}

    catalog = compiled(image_model("scribe", outputModality=modality, size={"mode": "None"}))

    assert names(catalog) == (["scribe"], [])
    assert not catalog.models[0].output_modality.image


@given(folders(), st.randoms())
def test_the_order_of_the_objects_does_not_matter(folder: list[Manifest], random: Any) -> None:
    first, problems = compile_manifests(folder)
    random.shuffle(folder)
    second, others = compile_manifests(folder)

    assert (first, first.revision()) == (second, second.revision())
    assert sorted(map(str, problems)) == sorted(map(str, others))


@given(folders())
def test_every_object_is_either_in_the_catalog_or_has_a_problem(folder: list[Manifest]) -> None:
    catalog, problems = compile_manifests(folder)
    models, bindings = names(catalog)
    accepted = {("ImageModel", name) for name in models} | {
        ("ProviderBinding", name) for name in bindings
    }
    broken = {(problem.kind, problem.name) for problem in problems}

    assert accepted | broken == {(item["kind"], item["metadata"]["name"]) for item in folder}
    assert not accepted & broken


@given(folders())
def test_ids_are_unique_and_every_binding_has_its_model(folder: list[Manifest]) -> None:
    catalog, _ = compile_manifests(folder)
    ids = [name for model in catalog.models for name in (model.id, *model.aliases)]

    assert len(set(ids)) == len(ids)
    assert {binding.model_ref.name for binding in catalog.bindings} <= set(names(catalog)[0])


@given(folders())
def test_a_catalog_compiles_to_itself(folder: list[Manifest]) -> None:
    catalog, _ = compile_manifests(folder)

    again = compiled(*as_manifests(catalog))

    assert again == catalog
    assert again.revision() == catalog.revision()


def as_manifests(catalog: Catalog) -> list[Manifest]:
    kinds = (("ImageModel", catalog.models), ("ProviderBinding", catalog.bindings))
    return [
        {
            "apiVersion": "tintype.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": item.name},
            "spec": item.model_dump(mode="json", exclude={"name"}),
        }
        for kind, items in kinds
        for item in items
    ]


def test_the_order_of_keys_does_not_change_the_revision() -> None:
    """An API server keeps no order of keys, a folder of YAML does."""
    values = {"low": "low", "high": "high"}
    first, second = (
        compiled(image_model(parameters={"quality": {"handling": "Map", "values": dict(items)}}))
        for items in (values.items(), reversed(values.items()))
    )

    assert first == second
    assert first.revision() == second.revision()


@pytest.mark.parametrize("manifests", [[], [image_model()], [image_model(), provider_binding()]])
def test_the_text_of_a_catalog_is_its_content_with_sorted_keys(manifests: list[Manifest]) -> None:
    catalog = compiled(*manifests)
    content = catalog.model_dump(mode="json", exclude_defaults=True)

    assert catalog.to_json() == json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def test_any_change_of_content_changes_the_revision() -> None:
    manifests = [image_model(), provider_binding()]
    dearer = changed(manifests[1], "spec.pricing", per_image("0.041"))

    assert compiled(manifests[0], dearer).revision() != compiled(*manifests).revision()


def test_fields_that_kubernetes_adds_do_not_change_the_revision() -> None:
    stored = image_model(created=MONDAY)
    stored["metadata"] |= {
        "uid": "6f0a",
        "generation": 3,
        "managedFields": [{"manager": "kubectl"}],
    }
    stored["status"] = {"observedGeneration": 3}

    assert compiled(stored).revision() == compiled(image_model()).revision()


@pytest.mark.parametrize("field", ["spec.id", "spec.aliases[0]"])
def test_the_older_model_wins_an_id_that_two_claim(field: str) -> None:
    old = image_model("zebra", created=MONDAY, id="contested")
    new = changed(
        image_model("aardvark", created=TUESDAY, aliases=["own-alias"]), field, "contested"
    )

    catalog, problems = compile_manifests([new, old])

    assert names(catalog)[0] == ["zebra"]
    problem = only(problems)
    assert (problem.name, problem.field, problem.reason) == ("aardvark", field, "DuplicateId")
    assert "ImageModel/zebra" in problem.message


def test_an_alias_may_not_be_the_id_of_an_older_model() -> None:
    old, new = image_model("old", created=MONDAY), image_model("new", created=TUESDAY)

    catalog, problems = compile_manifests([old, changed(new, "spec.aliases", ["old"])])

    assert names(catalog)[0] == ["old"]
    assert only(problems).field == "spec.aliases[0]"


def test_of_two_models_of_one_age_the_first_by_name_wins_the_id() -> None:
    twins = [image_model(name, created=MONDAY, id="contested") for name in ("b", "a")]

    assert names(compile_manifests(twins).catalog)[0] == ["a"]


def test_a_model_that_lost_its_id_claims_none_of_its_others() -> None:
    oldest = image_model("oldest", created="2026-11-15T08:00:00Z", id="contested")
    middle = image_model("middle", created=MONDAY, id="contested", aliases=["free"])
    newest = image_model("newest", created=TUESDAY, id="free")

    assert names(compile_manifests([oldest, middle, newest]).catalog)[0] == ["newest", "oldest"]


@pytest.mark.parametrize("aliases", [["canvas"], ["sketch", "sketch"]])
def test_a_model_may_not_repeat_its_own_ids(aliases: list[str]) -> None:
    catalog, problems = compile_manifests([image_model("canvas", aliases=aliases)])

    assert names(catalog)[0] == []
    assert only(problems).field == "spec.aliases"


@pytest.mark.parametrize(
    "others",
    [[], [changed(image_model("canvas"), "spec.oops", 1)]],
    ids=["missing model", "broken model"],
)
def test_a_binding_needs_an_accepted_model(others: list[Manifest]) -> None:
    catalog, problems = compile_manifests([*others, provider_binding(model="canvas")])

    problem = problems[-1]
    assert names(catalog) == ([], [])
    assert (problem.kind, problem.field) == ("ProviderBinding", "spec.modelRef.name")
    assert (problem.condition, problem.reason) == ("ResolvedRefs", "ModelNotFound")


def test_a_binding_refers_to_the_object_and_not_to_the_id_of_a_model() -> None:
    model = image_model("canvas", id="vendor/canvas:1")

    compiled(model, provider_binding(model="canvas"))
    _, problems = compile_manifests([model, provider_binding("b", model="vendor.canvas")])

    assert only(problems).reason == "ModelNotFound"


@pytest.mark.parametrize("twin", [image_model("canvas", id="other"), provider_binding("canvas")])
def test_of_two_objects_of_one_kind_and_name_the_first_counts(twin: Manifest) -> None:
    first = changed(twin, "metadata.labels", {"first": "yes"})
    others = [] if twin["kind"] == "ImageModel" else [image_model()]
    later = changed(twin, *(("spec.id", "x") if not others else ("spec.priority", 9)))

    catalog, problems = compile_manifests([*others, first, later])

    assert catalog == compiled(*others, first)
    assert only(problems).field == "metadata.name"


def test_a_model_and_a_binding_may_share_a_name() -> None:
    catalog = compiled(image_model("canvas"), provider_binding("canvas", model="canvas"))

    assert names(catalog) == (["canvas"], ["canvas"])


@given(folders())
def test_a_broken_object_never_removes_another(folder: list[Manifest]) -> None:
    broken = [
        changed(image_model("broken"), "spec.oops", 1),
        without(provider_binding("b"), "spec"),
    ]

    alone, _ = compile_manifests(folder)
    together, _ = compile_manifests([*broken, *folder])

    assert together == alone


def test_all_problems_of_an_object_are_reported_at_once() -> None:
    model = image_model(
        aliases=["canvas"], defaults={"nonsense": 1}, providerParameters={"size": ["width"]}
    )

    _, problems = compile_manifests([model])

    assert {problem.field for problem in problems} == {
        "spec.aliases",
        "spec.defaults.nonsense",
        "spec.providerParameters.size",
    }


def test_a_default_may_be_of_a_provider_parameter() -> None:
    compiled(image_model(providerParameters={"svg": ["model"]}, defaults={"svg": {"model": "m"}}))


def test_bounds_that_exclude_each_other_are_a_problem() -> None:
    size = {"mode": "Pixels", "minEdge": 2000, "maxEdge": 1000, "maxPixels": 10**6}

    _, problems = compile_manifests([image_model(size=size)])

    assert only(problems).field == "spec.size"


def test_a_problem_reads_as_a_sentence_with_object_and_field() -> None:
    _, problems = compile_manifests([provider_binding(pricing=by_size(price("0.01", maxPixels=9)))])

    assert str(only(problems)) == (
        "ProviderBinding/canvas-openai: spec.modelRef.name: there is no accepted ImageModel/canvas"
    )


def prefixed(created: str | None, field: str = "spec.id", value: str = "openai/flat") -> Manifest:
    return changed(image_model("flat", created=created, aliases=["own-alias"]), field, value)


def bound(created: str | None) -> list[Manifest]:
    return [image_model("canvas", created=MONDAY), provider_binding("bound", created=created)]


@pytest.mark.parametrize("field", ["spec.id", "spec.aliases[0]"])
@pytest.mark.parametrize(
    ("model", "binding"), [(TUESDAY, MONDAY), (MONDAY, MONDAY), (None, None), (TUESDAY, None)]
)
def test_an_id_must_not_begin_with_an_older_label_of_a_provider(
    field: str, model: str | None, binding: str | None
) -> None:
    catalog, problems = compile_manifests([prefixed(model, field), *bound(binding)])

    assert names(catalog) == (["canvas"], ["bound"])
    problem = only(problems)
    assert (problem.kind, problem.name, problem.field) == ("ImageModel", "flat", field)
    assert problem.reason == "DuplicateId"
    assert "must not begin with openai/" in problem.message
    assert "ProviderBinding/bound" in problem.message


def test_a_label_must_not_begin_an_older_id() -> None:
    catalog, problems = compile_manifests([prefixed(MONDAY), *bound(TUESDAY)])

    assert names(catalog) == (["canvas", "flat"], [])
    problem = only(problems)
    assert (problem.kind, problem.name) == ("ProviderBinding", "bound")
    assert (problem.field, problem.reason) == ("spec.provider", "DuplicateId")
    assert "'openai/flat' of ImageModel/flat" in problem.message


@pytest.mark.parametrize("value", ["openai", "open/ai", "OpenAI/flat", "studio/openai/flat"])
def test_other_ids_may_look_like_a_label(value: str) -> None:
    catalog, problems = compile_manifests([prefixed(TUESDAY, value=value), *bound(MONDAY)])

    assert (names(catalog)[0], problems) == (["canvas", "flat"], ())


def test_a_last_good_revision_does_not_bring_an_ambiguous_id_back() -> None:
    before, _ = compile_manifests([prefixed(None)])
    assert names(before)[0] == ["flat"]

    catalog, problems = compile_manifests([prefixed(TUESDAY), *bound(MONDAY)], before)

    assert names(catalog)[0] == ["canvas"]
    assert only(problems).reason == "DuplicateId"


def test_an_edit_to_an_ambiguous_id_leaves_the_last_good_one() -> None:
    before, _ = compile_manifests([image_model("flat", id="flat"), *bound(MONDAY)])

    catalog, _ = compile_manifests([prefixed(TUESDAY), *bound(MONDAY)], before)

    assert [model.id for model in catalog.models] == ["canvas", "flat"]
