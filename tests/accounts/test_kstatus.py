"""Every state of every kind is what GitOps tools should show."""

import re
from typing import Any

import pytest

from tests.accounts.kstatus import kstatus
from tests.accounts.working import AUTHOR, NOON, OWNER, Cluster, an_object
from tintype_accounts.backend import (
    AccountMissingError,
    AccountOwnedError,
    BackendError,
    BackendUnavailableError,
    GrantConflictError,
    KeyConflictError,
    RefusedError,
)
from tintype_accounts.planning.accounts import plan_account
from tintype_accounts.planning.conditions import Verdict, failure, invalid, since, with_verdict
from tintype_accounts.planning.grants import plan_grant
from tintype_accounts.planning.keys import ObservedKey, ObservedSecret, plan_key
from tintype_accounts.planning.references import ReferencedAccount
from tintype_accounts.resources import Account, ApiKey, CreditGrant, parse_accounts_resource
from tintype_accounts.status import Status

GENERATION = 3


def an_account(**spec: Any) -> Account:
    return an_object(Account, "acme", spec, generation=GENERATION)


def a_key(**spec: Any) -> ApiKey:
    return an_object(ApiKey, "app", {"account": "acme", **spec}, uid="1", generation=GENERATION)


def a_grant(**spec: Any) -> CreditGrant:
    fields = {"account": "acme", "credits": "1", "reason": "March", **spec}
    return an_object(CreditGrant, "march", fields, generation=GENERATION)


def shown(status: Status) -> tuple[str, str]:
    """Return what kstatus says, and the reason."""
    status_json = status.model_dump(mode="json", exclude_none=True)
    found = {"metadata": {"generation": GENERATION}, "status": status_json}
    return kstatus(found), status.conditions[0].reason


async def test_the_states_of_an_account() -> None:
    cluster = Cluster()
    new = plan_account(an_account(), None, NOON, owner=OWNER)
    ready = await cluster.account(an_account())
    suspended = await cluster.account(an_account(suspended=True))
    state = await cluster.ledger.account("acme")
    of_another = plan_account(an_account(), state, NOON, owner="another/operator")

    assert shown(new.status) == ("InProgress", "Progressing")
    assert shown(ready.status) == ("Current", "Ready")
    assert shown(suspended.status) == ("Current", "Suspended")
    assert shown(of_another.status) == ("Failed", "Conflict")


async def test_the_states_of_a_key() -> None:
    cluster = Cluster()
    missing = await cluster.key(a_key())
    cluster.accounts["acme"] = an_account()
    not_ready = await cluster.key(a_key())
    await cluster.account(an_account())
    ready = await cluster.key(a_key())
    expired = await cluster.key(a_key(expiresAt="2026-01-01T00:00:00Z"))
    cluster.secrets["app"] = ObservedSecret("foreign")
    foreign = await cluster.key(a_key())
    cluster.secrets["app"] = ObservedSecret("forbidden")
    forbidden = await cluster.key(a_key())
    there = ReferencedAccount("the Account `acme`", "acme", True)
    observed = ObservedKey(there, ObservedSecret("absent"), ())
    new = plan_key(a_key(), observed, NOON, owner=OWNER, fresh="")

    assert shown(new.status) == ("InProgress", "Progressing")
    assert shown(missing.status) == ("InProgress", "AccountMissing")
    assert shown(not_ready.status) == ("InProgress", "AccountNotReady")
    assert shown(ready.status) == ("Current", "Ready")
    assert shown(expired.status) == ("Failed", "Expired")
    assert shown(foreign.status) == ("Failed", "SecretConflict")
    assert shown(forbidden.status) == ("Failed", "SecretForbidden")


async def test_the_states_of_a_grant() -> None:
    cluster = Cluster()
    missing = await cluster.grant(a_grant())
    await cluster.account(an_account())
    there = ReferencedAccount("the Account `acme`", "acme", True)
    new = plan_grant(a_grant(), there, None, NOON)
    granted = await cluster.grant(a_grant())
    conflict = await cluster.grant(a_grant(credits="2"))

    assert shown(missing.status) == ("InProgress", "AccountMissing")
    assert shown(new.status) == ("InProgress", "Progressing")
    assert shown(granted.status) == ("Current", "Granted")
    assert shown(conflict.status) == ("Failed", "Conflict")


@pytest.mark.parametrize(
    ("error", "health", "reason"),
    [
        (BackendUnavailableError("no gateway"), "InProgress", "GatewayUnavailable"),
        (AccountMissingError("no account"), "InProgress", "AccountMissing"),
        (RefusedError("no such time zone"), "Failed", "Refused"),
        (AccountOwnedError("of another"), "Failed", "Conflict"),
        (KeyConflictError("another key"), "Failed", "Conflict"),
        (GrantConflictError("another grant"), "Failed", "Conflict"),
    ],
)
def test_the_states_after_an_error(error: BackendError, health: str, reason: str) -> None:
    status = with_verdict(Status(), GENERATION, failure(error), NOON)

    assert shown(status) == (health, reason)
    assert str(error) in status.conditions[0].message


def test_an_object_that_cannot_be_parsed_has_failed_and_names_the_field() -> None:
    manifest = {
        "apiVersion": "tintype.dev/v1alpha1",
        "kind": "Account",
        "metadata": {"name": "acme"},
        "spec": {"sspended": True},
    }
    problems = parse_accounts_resource(manifest)
    assert isinstance(problems, list)

    status = with_verdict(Status(), GENERATION, invalid(problems), NOON)

    assert shown(status) == ("Failed", "Invalid")
    assert status.conditions[0].message == "`spec.sspended`: unknown field."


async def test_a_status_of_an_earlier_generation_is_in_progress() -> None:
    done = await Cluster().account(an_account())
    status = done.status.model_dump(mode="json", exclude_none=True)

    found = {"metadata": {"generation": GENERATION + 1}, "status": status}

    assert kstatus(found) == "InProgress"


async def test_a_condition_that_stays_keeps_the_time_of_its_transition() -> None:
    cluster = Cluster()
    first = await cluster.account(an_account())
    cluster.ledger.now = NOON.replace(hour=13)

    second = await cluster.account(an_account(displayName="Acme"))
    await cluster.ledger.release_account("acme", owner=f"{OWNER}:team/acme", author=AUTHOR)
    state = await cluster.ledger.account("acme")
    before = since(second.status.model_dump(mode="json"))
    third = plan_account(an_account(), state, cluster.ledger.now, owner=OWNER, before=before)

    assert first.status.conditions[0].last_transition_time == "2026-03-01T12:00:00Z"
    assert second.status.conditions[0].last_transition_time == "2026-03-01T12:00:00Z"
    assert third.status.conditions[0].last_transition_time == "2026-03-01T13:00:00Z"


@pytest.mark.parametrize("state", ["ready", "reconciling", "stalled"])
def test_ready_is_always_there_and_the_abnormal_conditions_only_while_they_are_true(
    state: Any,
) -> None:
    status = with_verdict(Status(), GENERATION, Verdict(state, "Because", "It is so."), NOON)

    ready, *others = status.conditions
    assert (ready.type, ready.status) == ("Ready", "True" if state == "ready" else "False")
    assert [(each.type, each.status) for each in others] == (
        [] if state == "ready" else [(state.capitalize(), "True")]
    )
    assert all(re.fullmatch("[A-Z][A-Za-z]+", each.reason) for each in status.conditions)
    assert {each.observed_generation for each in status.conditions} == {GENERATION}
