"""Models and bindings are to GitOps tools what they are to clients.

Accounts, keys and grants are in `tests/accounts/test_kstatus.py`.
"""

import datetime
from collections.abc import Callable

import pytest

from tests.accounts.kstatus import kstatus
from tintype_catalog.egress_policy import EgressPolicy
from tintype_catalog.problems import ConditionType, Problem, Reason
from tintype_operator.status.conditions import fields_of, status_of
from tintype_operator.status.findings import Delivery
from tintype_testing.manifests import Manifest, image_model, provider_binding

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)

GENERATION = 3

SERVED = Delivery(served=True, acknowledged=2, gateways=2)
AWAITED = Delivery(acknowledged=1, gateways=2)
UNPUBLISHED = Delivery(gateways=2, refusal="the catalog is too large")

both_kinds = pytest.mark.parametrize("made", [image_model, provider_binding])


def an_object(made: Callable[[], Manifest]) -> Manifest:
    found = made()
    metadata = {**found["metadata"], "generation": GENERATION}
    return {**found, "metadata": metadata}


def reported(
    found: Manifest,
    delivery: Delivery,
    *problems: Problem,
    now: datetime.datetime = NOW,
    policy: EgressPolicy | None = None,
) -> Manifest:
    """Return an object with the status that the operator writes to it."""
    status = status_of(found, problems, delivery, now=now, policy=policy)
    return {**found, "status": fields_of(status)}


def a_problem(
    found: Manifest, *, reason: Reason = "Invalid", condition: ConditionType = "Accepted"
) -> Problem:
    return Problem(
        kind=found["kind"],
        name="canvas",
        field="spec.id",
        message="is not one",
        reason=reason,
        condition=condition,
    )


@both_kinds
def test_an_object_that_all_gateways_serve_is_current(made: Callable[[], Manifest]) -> None:
    assert kstatus(reported(an_object(made), SERVED)) == "Current"


@both_kinds
@pytest.mark.parametrize("delivery", [AWAITED, UNPUBLISHED])
def test_an_object_that_a_gateway_does_not_serve_yet_is_in_progress(
    made: Callable[[], Manifest], delivery: Delivery
) -> None:
    assert kstatus(reported(an_object(made), delivery)) == "InProgress"


@both_kinds
def test_an_object_that_all_gateways_have_served_stays_current_when_another_one_starts(
    made: Callable[[], Manifest],
) -> None:
    assert kstatus(reported(reported(an_object(made), SERVED), AWAITED)) == "Current"


@both_kinds
@pytest.mark.parametrize("reason", ["Invalid", "DuplicateId", "Unpriced"])
def test_an_object_that_is_not_valid_has_failed_until_it_is_edited(
    made: Callable[[], Manifest], reason: Reason
) -> None:
    broken = reported(an_object(made), SERVED, a_problem(made(), reason=reason))

    assert kstatus(broken) == "Failed"
    assert kstatus(reported(broken, SERVED)) == "Current"


@both_kinds
def test_an_object_that_failed_says_why_since_when_it_does(made: Callable[[], Manifest]) -> None:
    found = an_object(made)
    first = reported(found, SERVED, a_problem(found))
    again = reported(first, SERVED, a_problem(found), now=NOW + datetime.timedelta(days=1))

    (stalled,) = [each for each in again["status"]["conditions"] if each["type"] == "Stalled"]
    assert stalled["reason"] == "Invalid"
    assert stalled["message"].startswith("`spec.id`: is not one.")
    assert stalled["lastTransitionTime"] == "2026-01-02T00:00:00Z"


@both_kinds
def test_an_object_whose_reference_is_missing_is_in_progress(made: Callable[[], Manifest]) -> None:
    found = an_object(made)
    missing = a_problem(found, reason="SecretNotFound", condition="ResolvedRefs")

    assert kstatus(reported(found, SERVED, missing)) == "InProgress"


def test_a_binding_whose_address_the_release_does_not_allow_has_failed() -> None:
    found = an_object(lambda: provider_binding(serviceRef={"name": "vllm", "port": 8000}))
    found["metadata"]["namespace"] = "images"

    assert kstatus(reported(found, SERVED, policy=EgressPolicy())) == "Failed"


@both_kinds
def test_an_object_that_was_edited_is_in_progress_until_the_operator_has_seen_it(
    made: Callable[[], Manifest],
) -> None:
    found = reported(an_object(made), SERVED)
    found["metadata"]["generation"] += 1

    assert kstatus(found) == "InProgress"
    assert kstatus(reported(found, SERVED)) == "Current"
