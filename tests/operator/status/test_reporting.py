"""Each object gets a status, and an invalid object does not affect others."""

import json

import pytest

from tintype_testing.manifests import (
    Manifest,
    by_size,
    changed,
    image_model,
    per_image,
    price,
    provider_binding,
)
from tintype_testing.operator import Operator
from tintype_testing.waiting import eventually_blocking

UNPRICED = by_size(price("0.04", maxPixels=1000))


def test_valid_objects_are_accepted_at_their_generation(running: Operator) -> None:
    running.apply(image_model(), provider_binding())

    for kind, name in (("imagemodel", "canvas"), ("providerbinding", "canvas-openai")):
        for type_ in ("Accepted", "ResolvedRefs"):
            condition = running.wait_for_condition(kind, name, type_, "True")
            assert condition["observedGeneration"] == 1
        assert running.get(kind, name)["status"]["observedGeneration"] == 1


def test_kubectl_wait_waits_for_the_generation_that_was_applied(running: Operator) -> None:
    running.apply(image_model())
    running.apply(changed(image_model(), "spec.displayName", "The new one"))

    running.cluster.kubectl(
        *("wait", "imagemodel/canvas", "--namespace", running.namespace),
        *("--for=condition=Accepted", "--timeout=120s"),
    )

    assert running.condition("imagemodel", "canvas", "Accepted")["observedGeneration"] == 2


@pytest.mark.parametrize(
    ("broken", "type_", "reason", "advice"),
    [
        (
            provider_binding("later", model="absent"),
            "ResolvedRefs",
            "ModelNotFound",
            "there is no accepted ImageModel/absent",
        ),
        (
            provider_binding("later", pricing=UNPRICED),
            "Accepted",
            "Unpriced",
            "prices must end with a row without maxPixels",
        ),
        (
            image_model("later", id="canvas"),
            "Accepted",
            "DuplicateId",
            "'canvas' belongs to ImageModel/canvas",
        ),
    ],
)
def test_an_invalid_object_gets_the_cause_and_the_others_are_published(
    running: Operator, broken: Manifest, type_: str, reason: str, advice: str
) -> None:
    running.apply(image_model(), provider_binding())
    running.wait_for_condition("imagemodel", "canvas", "Accepted", "True")
    eventually_blocking(lambda: running.bindings() == ["canvas-openai"], "the sound binding")

    running.apply(broken, image_model("sketch"))
    condition = running.wait_for_condition(broken["kind"], "later", type_, "False")

    assert condition["reason"] == reason
    assert advice in condition["message"]
    running.wait_for_models("canvas", "sketch")
    assert running.bindings() == ["canvas-openai"]


def test_a_repaired_object_is_accepted(running: Operator) -> None:
    running.apply(provider_binding(model="late"))
    running.wait_for_condition("providerbinding", "late-openai", "ResolvedRefs", "False")

    running.apply(image_model("late"))

    running.wait_for_condition("providerbinding", "late-openai", "ResolvedRefs", "True")
    eventually_blocking(lambda: running.bindings() == ["late-openai"], "the repaired binding")


def test_the_last_good_revision_outlives_a_bad_edit_and_a_restart(running: Operator) -> None:
    running.apply(image_model(), provider_binding(pricing=per_image("0.01")))
    running.wait_for_condition("providerbinding", "canvas-openai", "Accepted", "True")

    running.apply(provider_binding(pricing=UNPRICED))
    condition = running.wait_for_condition("providerbinding", "canvas-openai", "Accepted", "False")
    running.stop()
    running.start()
    running.apply(image_model("sketch"))
    running.wait_for_models("canvas", "sketch")

    catalog = running.catalog()
    assert catalog is not None
    assert [binding.pricing.usd for binding in catalog.bindings] == ["0.01"]
    assert "The last good revision stays in the catalog." in condition["message"]


def test_a_new_object_with_the_name_of_a_deleted_one_inherits_nothing(running: Operator) -> None:
    running.apply(image_model(), provider_binding(pricing=per_image("0.01")))
    running.wait_for_condition("providerbinding", "canvas-openai", "Accepted", "True")
    running.stop()

    running.delete("providerbinding", "canvas-openai")
    running.apply(provider_binding(pricing=UNPRICED))
    running.start()
    running.wait_for_condition("providerbinding", "canvas-openai", "Accepted", "False")

    assert running.bindings() == []


def test_users_objects_get_a_status_and_nothing_else(running: Operator) -> None:
    running.apply(image_model())
    running.wait_for_condition("imagemodel", "canvas", "Accepted", "True")

    metadata = running.get("imagemodel", "canvas")["metadata"]
    writes = [
        (entry["manager"], entry.get("subresource"))
        for entry in metadata["managedFields"]
        if entry["manager"] == "tintype-operator"
    ]
    assert writes == [("tintype-operator", "status")]
    assert list(metadata["annotations"]) == ["kubectl.kubernetes.io/last-applied-configuration"]
    assert "finalizers" not in metadata
    assert metadata["generation"] == 1


def test_the_condition_of_another_controller_is_kept(running: Operator) -> None:
    running.apply(image_model())
    running.wait_for_condition("imagemodel", "canvas", "Accepted", "True")
    theirs = {
        "type": "Admired",
        "status": "True",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "reason": "Taste",
        "message": "",
    }
    added = [{"op": "add", "path": "/status/conditions/-", "value": theirs}]
    running.cluster.kubectl(
        *("patch", "imagemodel", "canvas", "--namespace", running.namespace),
        *("--subresource=status", "--type=json", "--patch", json.dumps(added)),
    )

    running.apply(changed(image_model(), "spec.displayName", "The new one"))
    running.wait_for_condition("imagemodel", "canvas", "Accepted", "True")

    assert theirs in running.get("imagemodel", "canvas")["status"]["conditions"]
