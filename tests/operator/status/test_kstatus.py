"""Models and bindings are to GitOps tools what they are to clients.

Accounts, keys and grants are in `tests/accounts/test_kstatus.py`.
"""

import datetime
from collections.abc import Callable

import pytest

from tests.accounts.kstatus import kstatus
from tintype_catalog.problems import Problem
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


def reported(found: Manifest, delivery: Delivery, *problems: Problem) -> Manifest:
    """Return an object with the status that the operator writes to it."""
    return {**found, "status": fields_of(status_of(found, problems, delivery, now=NOW))}


def a_problem(found: Manifest) -> Problem:
    return Problem(
        kind=found["kind"], name="canvas", field="spec.id", message="is not one", reason="Invalid"
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
def test_an_object_that_is_not_valid_is_never_current(made: Callable[[], Manifest]) -> None:
    found = an_object(made)

    assert kstatus(reported(found, SERVED, a_problem(found))) == "InProgress"


@both_kinds
def test_an_object_that_was_edited_is_in_progress_until_the_operator_has_seen_it(
    made: Callable[[], Manifest],
) -> None:
    found = reported(an_object(made), SERVED)
    found["metadata"]["generation"] += 1

    assert kstatus(found) == "InProgress"
    assert kstatus(reported(found, SERVED)) == "Current"
