import datetime
from typing import Any

from tintype_catalog.conditions import MAX_MESSAGE_CHARACTERS, Condition
from tintype_catalog.egress_policy import EgressPolicy
from tintype_catalog.private_networks import read_private_networks
from tintype_catalog.problems import Problem
from tintype_operator.status.conditions import (
    Status,
    is_observed,
    is_reported,
    status_of,
    was_reported,
)
from tintype_operator.status.findings import STILL_SERVED, Delivery
from tintype_testing.manifests import provider_binding

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


def test_references_that_the_operator_must_not_look_up_are_named() -> None:
    found = provider_binding(caBundle={"configMapRef": {"name": "authorities"}, "key": "ca.crt"})
    found["metadata"]["generation"] = 1
    now = datetime.datetime.fromisoformat(NOW)
    unchecked = status_of(found, [], DELIVERED, now=now, checks_secrets=False).conditions

    (resolved,) = [each for each in unchecked if each.type == "ResolvedRefs"]
    assert (resolved.status, resolved.reason) == ("True", "SecretsNotChecked")
    assert "Secret/openai, ConfigMap/authorities" in resolved.message


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


def test_a_valid_object_has_only_true_conditions() -> None:
    assert {kind: found.status for kind, found in judged().items()} == {
        "Accepted": "True",
        "ResolvedRefs": "True",
        "Programmed": "True",
        "Ready": "True",
    }


def test_an_endpoint_with_the_path_of_its_dialect_is_accepted_with_a_warning() -> None:
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


def address_allowed(policy: EgressPolicy, *problems: Problem, **spec: Any) -> Condition:
    """The condition of a binding in a namespace."""
    found = provider_binding(**spec)
    found["metadata"] |= {"namespace": "images", "generation": 1}
    now = datetime.datetime.fromisoformat(NOW)
    conditions = status_of(found, problems, DELIVERED, now=now, policy=policy).conditions
    return next(item for item in conditions if item.type == "AddressAllowed")


def test_a_service_of_the_own_namespace_is_allowed_by_its_full_name() -> None:
    service = {"serviceRef": {"name": "vllm", "port": 8000}}
    listed = EgressPolicy(private=read_private_networks(["images/vllm"]))

    assert address_allowed(listed, **service).status == "True"
    refused = address_allowed(EgressPolicy(), **service)
    assert (refused.status, refused.reason) == ("False", "AddressNotAllowed")
    assert "the Service images/vllm" in refused.message


def test_the_address_of_an_invalid_binding_is_unknown() -> None:
    assert address_allowed(EgressPolicy(), INVALID).status == "Unknown"


def test_an_invalid_object_is_not_accepted() -> None:
    accepted = judged(UNPRICED)["Accepted"]

    assert (accepted.status, accepted.reason) == ("False", "Unpriced")
    assert accepted.message == "`spec.pricing`: prices must end with a row without maxPixels."


def test_a_missing_reference_does_not_make_an_object_invalid() -> None:
    conditions = judged(DANGLING)

    assert conditions["Accepted"].status == "True"
    assert conditions["ResolvedRefs"].status == "False"
    assert conditions["ResolvedRefs"].reason == "ModelNotFound"


def test_the_references_of_an_invalid_object_are_unknown() -> None:
    assert judged(INVALID)["ResolvedRefs"].status == "Unknown"


def test_the_message_names_all_problems() -> None:
    message = judged(INVALID, UNPRICED)["Accepted"].message

    assert "`spec.weight`" in message
    assert "`spec.pricing`" in message


def test_the_message_of_an_invalid_object_says_that_the_last_good_revision_is_served() -> None:
    served, gone = Delivery(served=True), Delivery(served=False)

    assert judged(UNPRICED, delivery=served)["Accepted"].message.endswith(STILL_SERVED)
    assert STILL_SERVED not in judged(UNPRICED, delivery=gone)["Accepted"].message


def test_a_message_is_truncated_to_the_limit_of_the_schema() -> None:
    endless = INVALID.model_copy(update={"message": "x" * 2 * MAX_MESSAGE_CHARACTERS})

    assert len(judged(endless)["Accepted"].message) == MAX_MESSAGE_CHARACTERS


def test_the_observed_generation_is_that_of_the_object() -> None:
    judgement = status(manifest(generation=7))

    assert judgement.observed_generation == 7
    assert {condition.observed_generation for condition in judgement.conditions} == {7}


def test_the_transition_time_changes_only_with_the_status() -> None:
    conditions = judged(UNPRICED, before=reported(generation=1))

    assert conditions["Accepted"].last_transition_time == NOW
    assert conditions["ResolvedRefs"].last_transition_time == EARLIER


def test_a_new_reason_for_the_same_status_is_no_transition() -> None:
    accepted: Condition = judged(INVALID, before=reported(UNPRICED))["Accepted"]

    assert accepted.reason == "Invalid"
    assert accepted.last_transition_time == EARLIER


def test_an_equal_status_is_already_reported() -> None:
    found = reported(UNPRICED)
    found["status"]["conditions"].append({"type": "Admired", "status": "True"})

    assert is_reported(found, status(found, UNPRICED))


def test_a_new_generation_a_new_reason_and_a_new_status_are_reported() -> None:
    found = reported(UNPRICED)
    edited = found | {"metadata": {"generation": 2}}

    assert not is_reported(edited, status(edited, UNPRICED))
    assert not is_reported(found, status(found, INVALID))
    assert not is_reported(found, status(found))


def test_an_object_without_conditions_has_not_been_reported() -> None:
    assert not was_reported(manifest())
    assert not was_reported(manifest(status={"conditions": []}))
    assert was_reported(reported())


def test_an_edit_is_observed_when_its_status_was_written() -> None:
    found = reported(generation=1)

    assert is_observed(found)
    assert not is_observed(found | {"metadata": {"generation": 2}})


def test_an_object_is_pending_until_every_gateway_serves_it() -> None:
    conditions = judged(delivery=PENDING)

    for type_ in ("Programmed", "Ready"):
        assert (conditions[type_].status, conditions[type_].reason) == ("False", "Pending")
        assert "3 of 5 gateways" in conditions[type_].message


def test_without_gateways_programmed_is_unknown() -> None:
    conditions = judged(delivery=Delivery())

    for type_ in ("Programmed", "Ready"):
        assert (conditions[type_].status, conditions[type_].reason) == ("Unknown", "NoGateways")


def test_programmed_stays_true_when_gateways_start_and_stop() -> None:
    programmed = reported(delivery=DELIVERED)

    for delivery in (PENDING, Delivery(), Delivery(refusal="too much is lost")):
        condition = judged(before=programmed, delivery=delivery)["Programmed"]
        assert condition == judged(before=programmed)["Programmed"]


def test_an_edit_is_pending_again() -> None:
    edited = reported(delivery=DELIVERED) | {"metadata": {"generation": 2}}

    assert judged(before=edited, delivery=PENDING)["Programmed"].status == "False"


def test_an_invalid_object_is_not_programmed_even_if_it_was_before() -> None:
    conditions = judged(DANGLING, before=reported(delivery=DELIVERED))

    assert conditions["Programmed"].reason == "NotInCatalog"
    assert conditions["Ready"].reason == "ModelNotFound"


def test_a_refused_publication_programs_no_object() -> None:
    refused = DELIVERED._replace(refusal="too much is lost")

    condition = judged(delivery=refused)["Programmed"]

    assert (condition.status, condition.reason) == ("False", "PublicationRefused")
    assert condition.message == "too much is lost"
