import datetime
from typing import Any

from tintype_catalog.problems import Problem
from tintype_operator.status.conditions import (
    MAX_MESSAGE_CHARACTERS,
    Condition,
    Status,
    is_observed,
    is_reported,
    status_of,
    was_reported,
)
from tintype_operator.status.findings import STILL_SERVED, Delivery

EARLIER = "2026-01-01T00:00:00Z"
NOW = "2026-01-02T00:00:00Z"

PENDING = Delivery(acknowledged=3, gateways=5)
DELIVERED = Delivery(acknowledged=5, gateways=5)

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


def status(
    found: dict[str, Any], *problems: Problem, delivery: Delivery = DELIVERED, now: str = NOW
) -> Status:
    return status_of(found, problems, delivery, now=datetime.datetime.fromisoformat(now))


def judged(
    *problems: Problem, before: dict[str, Any] | None = None, delivery: Delivery = DELIVERED
) -> Any:
    """All conditions, by type."""
    status_now = status(before or manifest(), *problems, delivery=delivery)
    return {condition.type: condition for condition in status_now.conditions}


def reported(
    *problems: Problem, generation: int = 1, delivery: Delivery = DELIVERED
) -> dict[str, Any]:
    """An object whose status was written at an earlier time."""
    before = status(manifest(generation), *problems, delivery=delivery, now=EARLIER)
    return manifest(generation, before.model_dump(mode="json"))


def test_a_sound_object_has_only_true_conditions() -> None:
    assert {kind: found.status for kind, found in judged().items()} == {
        "Accepted": "True",
        "ResolvedRefs": "True",
        "Programmed": "True",
        "Ready": "True",
    }


def test_an_endpoint_with_the_path_of_its_dialect_is_a_warning_and_no_fault() -> None:
    endpoint = "https://proxy.example/v1"
    found = manifest() | {
        "kind": "ProviderBinding",
        "spec": {"dialect": "openai-images", "endpoint": endpoint},
    }

    accepted = judged(before=found)["Accepted"]

    assert (accepted.status, accepted.reason) == ("True", "Accepted")
    assert accepted.message.startswith(
        "The object is valid. Warning: `spec.endpoint` ends in `/v1`"
    )
    broken = judged(UNPRICED, before=found)["Accepted"]
    assert "Warning" not in broken.message


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
    served, gone = Delivery(served=True), Delivery(served=False)

    assert judged(UNPRICED, delivery=served)["Accepted"].message.endswith(STILL_SERVED)
    assert STILL_SERVED not in judged(UNPRICED, delivery=gone)["Accepted"].message


def test_a_message_is_never_longer_than_the_schema_allows() -> None:
    endless = INVALID.model_copy(update={"message": "x" * 2 * MAX_MESSAGE_CHARACTERS})

    assert len(judged(endless)["Accepted"].message) == MAX_MESSAGE_CHARACTERS


def test_the_observed_generation_is_the_objects() -> None:
    judgement = status(manifest(generation=7))

    assert judgement.observed_generation == 7
    assert {condition.observed_generation for condition in judgement.conditions} == {7}


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

    assert is_reported(found, status(found, UNPRICED))


def test_a_new_generation_a_new_reason_and_a_new_status_are_reported() -> None:
    found = reported(UNPRICED)
    edited = found | {"metadata": {"generation": 2}}

    assert not is_reported(edited, status(edited, UNPRICED))
    assert not is_reported(found, status(found, INVALID))
    assert not is_reported(found, status(found))


def test_an_object_without_conditions_was_never_reported() -> None:
    assert not was_reported(manifest())
    assert not was_reported(manifest(status={"conditions": []}))
    assert was_reported(reported())


def test_an_edit_is_observed_when_it_was_judged() -> None:
    found = reported(generation=1)

    assert is_observed(found)
    assert not is_observed(found | {"metadata": {"generation": 2}})


def test_an_object_waits_for_every_gateway() -> None:
    conditions = judged(delivery=PENDING)

    for type_ in ("Programmed", "Ready"):
        assert (conditions[type_].status, conditions[type_].reason) == ("False", "Pending")
        assert "3 of 5 gateways" in conditions[type_].message


def test_without_a_gateway_nothing_is_known() -> None:
    conditions = judged(delivery=Delivery())

    for type_ in ("Programmed", "Ready"):
        assert (conditions[type_].status, conditions[type_].reason) == ("Unknown", "NoGateways")


def test_what_was_programmed_stays_so_when_gateways_come_and_go() -> None:
    programmed = reported(delivery=DELIVERED)

    for delivery in (PENDING, Delivery(), Delivery(refusal="too much is lost")):
        condition = judged(before=programmed, delivery=delivery)["Programmed"]
        assert condition == judged(before=programmed)["Programmed"]


def test_an_edit_waits_anew() -> None:
    edited = reported(delivery=DELIVERED) | {"metadata": {"generation": 2}}

    assert judged(before=edited, delivery=PENDING)["Programmed"].status == "False"


def test_a_broken_object_is_not_programmed_whatever_it_was() -> None:
    conditions = judged(DANGLING, before=reported(delivery=DELIVERED))

    assert conditions["Programmed"].reason == "NotInCatalog"
    assert conditions["Ready"].reason == "ModelNotFound"


def test_a_catalog_that_is_held_back_programs_nothing() -> None:
    refused = DELIVERED._replace(refusal="too much is lost")

    condition = judged(delivery=refused)["Programmed"]

    assert (condition.status, condition.reason) == ("False", "PublicationRefused")
    assert condition.message == "too much is lost"
