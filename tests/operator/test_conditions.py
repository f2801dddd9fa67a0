from typing import Any

from tintype_catalog.problems import Problem
from tintype_operator.conditions import (
    MAX_MESSAGE_CHARACTERS,
    STILL_SERVED,
    Condition,
    is_reported,
    status_of,
    was_reported,
)

EARLIER = "2026-01-01T00:00:00Z"
NOW = "2026-01-02T00:00:00Z"

UNPRICED = Problem(
    kind="ProviderBinding",
    name="b",
    field="spec.pricing",
    message="prices must end with a row without maxPixels",
    reason="Unpriced",
)
DANGLING = Problem(
    kind="ProviderBinding",
    name="b",
    field="spec.modelRef.name",
    message="there is no accepted ImageModel/m",
    reason="ModelNotFound",
    condition="ResolvedRefs",
)
INVALID = Problem(kind="ProviderBinding", name="b", field="spec.weight", message="is too large")


def manifest(generation: int = 1, status: dict[str, Any] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"metadata": {"generation": generation}}
    return found | ({"status": status} if status else {})


def judged(*problems: Problem, before: dict[str, Any] | None = None, served: bool = False) -> Any:
    """Both conditions, by type."""
    status = status_of(before or manifest(), problems, served=served, now=NOW)
    return {condition.type: condition for condition in status.conditions}


def reported(*problems: Problem, generation: int = 1) -> dict[str, Any]:
    """An object whose status was written at an earlier time."""
    status = status_of(manifest(generation), problems, served=False, now=EARLIER)
    return manifest(generation, status.model_dump(mode="json"))


def test_a_sound_object_has_only_true_conditions() -> None:
    assert {kind: found.status for kind, found in judged().items()} == {
        "Accepted": "True",
        "ResolvedRefs": "True",
    }


def test_a_fault_of_the_object_itself_makes_it_unaccepted() -> None:
    accepted = judged(UNPRICED)["Accepted"]

    assert (accepted.status, accepted.reason) == ("False", "Unpriced")
    assert accepted.message == "`spec.pricing`: prices must end with a row without maxPixels."


def test_a_reference_to_nothing_is_no_fault_of_the_object_itself() -> None:
    conditions = judged(DANGLING)

    assert conditions["Accepted"].status == "True"
    assert conditions["ResolvedRefs"].status == "False"
    assert conditions["ResolvedRefs"].reason == "ModelNotFound"


def test_the_references_of_an_unreadable_object_are_unknown() -> None:
    assert judged(INVALID)["ResolvedRefs"].status == "Unknown"


def test_all_faults_are_told_at_once() -> None:
    message = judged(INVALID, UNPRICED)["Accepted"].message

    assert "`spec.weight`" in message
    assert "`spec.pricing`" in message


def test_the_author_of_a_broken_object_hears_that_it_is_still_served() -> None:
    assert judged(UNPRICED, served=True)["Accepted"].message.endswith(STILL_SERVED)
    assert STILL_SERVED not in judged(UNPRICED, served=False)["Accepted"].message


def test_a_message_is_never_longer_than_the_schema_allows() -> None:
    endless = INVALID.model_copy(update={"message": "x" * 2 * MAX_MESSAGE_CHARACTERS})

    assert len(judged(endless)["Accepted"].message) == MAX_MESSAGE_CHARACTERS


def test_the_observed_generation_is_the_objects() -> None:
    status = status_of(manifest(generation=7), [], served=False, now=NOW)

    assert status.observed_generation == 7
    assert {condition.observed_generation for condition in status.conditions} == {7}


def test_the_transition_time_moves_with_the_status_only() -> None:
    conditions = judged(UNPRICED, before=reported(generation=1))

    assert conditions["Accepted"].last_transition_time == NOW
    assert conditions["ResolvedRefs"].last_transition_time == EARLIER


def test_another_reason_for_the_same_status_is_no_transition() -> None:
    accepted: Condition = judged(INVALID, before=reported(UNPRICED))["Accepted"]

    assert accepted.reason == "Invalid"
    assert accepted.last_transition_time == EARLIER


def test_what_is_reported_already_is_not_reported_again() -> None:
    found = reported(UNPRICED)
    found["status"]["conditions"].append({"type": "Admired", "status": "True"})

    assert is_reported(found, status_of(found, [UNPRICED], served=False, now=NOW))


def test_a_new_generation_a_new_reason_and_a_new_status_are_reported() -> None:
    found = reported(UNPRICED)
    edited = found | {"metadata": {"generation": 2}}

    assert not is_reported(edited, status_of(edited, [UNPRICED], served=False, now=NOW))
    assert not is_reported(found, status_of(found, [INVALID], served=False, now=NOW))
    assert not is_reported(found, status_of(found, [], served=False, now=NOW))


def test_an_object_without_conditions_was_never_reported() -> None:
    assert not was_reported(manifest())
    assert not was_reported(manifest(status={"conditions": []}))
    assert was_reported(reported())
