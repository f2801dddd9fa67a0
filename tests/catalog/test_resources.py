import datetime
from typing import Any

import pytest

from tests.catalog.samples import BINDING, MODEL, fault
from tintype_catalog.resources import ImageModel, ProviderBinding, parse_resource
from tintype_testing.manifests import Manifest, changed, image_model, without


def test_a_manifest_becomes_its_resource() -> None:
    model, binding = parse_resource(MODEL), parse_resource(BINDING)

    assert isinstance(model, ImageModel)
    assert isinstance(binding, ProviderBinding)
    assert model.spec.id == "canvas"
    assert binding.spec.model_ref.name == "canvas"


def test_a_model_that_says_little_has_cautious_defaults() -> None:
    model = parse_resource(without(image_model(), "spec.size"))

    assert isinstance(model, ImageModel)
    assert model.spec.size.mode == "None"
    assert model.spec.parameters.style.handling == "Strip"
    assert model.spec.limits.max_images_per_call == 1
    assert model.spec.output_modality.image
    assert model.spec.watermark == "none"


def test_fields_that_kubernetes_adds_are_ignored() -> None:
    stored = changed(MODEL, "metadata.managedFields", [{"manager": "kubectl"}])
    stored["status"] = {"conditions": []}

    assert isinstance(parse_resource(stored), ImageModel)


def test_a_date_may_be_a_string_or_a_yaml_date() -> None:
    for date in ("2026-05-12", datetime.date(2026, 5, 12)):
        model = parse_resource(changed(MODEL, "spec.lifecycle", {"retiresOn": date}))

        assert isinstance(model, ImageModel)
        assert model.spec.lifecycle.retires_on == datetime.date(2026, 5, 12)


@pytest.mark.parametrize("field", ["metadata", "spec"])
@pytest.mark.parametrize("value", [None, [], "text", 5, True])
def test_metadata_and_spec_are_objects(field: str, value: Any) -> None:
    assert fault(changed(MODEL, field, value)).field == field
    assert fault(without(MODEL, field)).field == field


@pytest.mark.parametrize(
    "broken",
    [
        changed(MODEL, "apiVersion", "tintype.dev/v1"),
        changed(MODEL, "apiVersion", None),
        without(MODEL, "apiVersion"),
        changed(MODEL, "kind", "Imagemodel"),
        changed(MODEL, "kind", ["ImageModel"]),
        without(MODEL, "kind"),
        {},
    ],
)
def test_an_object_of_another_kind_or_version_is_refused(broken: Manifest) -> None:
    problem = fault(broken)

    assert problem.field == "apiVersion, kind"
    assert "tintype.dev/v1alpha1" in problem.message
    assert "ImageModel, ProviderBinding" in problem.message


def test_a_problem_names_the_object_the_field_the_rule_and_the_value() -> None:
    broken = changed(BINDING, "spec.weight", 1001)

    assert str(fault(broken)) == (
        "ProviderBinding/canvas-openai: spec.weight: should be less than or equal to 1000 (is 1001)"
    )


def test_all_problems_of_an_object_are_reported_at_once() -> None:
    broken = changed(changed(BINDING, "spec.weight", "1"), "spec.pricing.prices[0].usd", "free")
    problems = parse_resource(without(broken, "spec.dialect"))

    assert isinstance(problems, list)
    assert {problem.field for problem in problems} == {
        "spec.dialect",
        "spec.pricing.prices[0].usd",
        "spec.weight",
    }
