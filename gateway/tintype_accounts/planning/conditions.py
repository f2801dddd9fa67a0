"""Conditions that follow from one verdict on an object, as kstatus reads them.

kstatus takes an object for in progress while `Reconciling` is True or its generation was not
observed, for failed while `Stalled` is True, and otherwise for current. So each of these has one
form here, and `Ready` always says the same.
https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar, get_args

from tintype_accounts.backend import (
    AccountMissingError,
    BackendError,
    BackendUnavailableError,
    RefusedError,
)
from tintype_accounts.status import Status
from tintype_catalog.conditions import MAX_MESSAGE_CHARACTERS, Condition, timestamp
from tintype_catalog.problems import Problem

S = TypeVar("S", bound=Status)


State = Literal["ready", "reconciling", "stalled"]

STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class Verdict:
    """The state of an object in one word for programs and a sentence for people."""

    state: State
    """`reconciling` ends by itself, or when something else changes; `stalled` needs a person."""

    reason: str
    message: str


WORKING = Verdict("reconciling", "Progressing", "The ledger does not have this generation yet.")


Since = Mapping[tuple[str, str], str]
"""The transition time of each condition of an object, by its type and status."""

NEVER: Since = {}


def since(status: Mapping[str, Any] | None) -> Since:
    """Return the transition times in the status of a Kubernetes object."""
    found = (status or {}).get("conditions") or ()
    return {(each["type"], each["status"]): each["lastTransitionTime"] for each in found}


def with_verdict(
    status: S, generation: int, verdict: Verdict, now: datetime, before: Since = NEVER
) -> S:
    """Return a status with the conditions that follow from a verdict.

    Args:
        status: The other fields of the status.
        generation: The generation of the object that was planned.
        verdict: The state of the object.
        now: The time of conditions that change.
        before: The transition times of the present conditions.
    """
    statuses = {"Ready": "True" if verdict.state == "ready" else "False"}
    if verdict.state != "ready":
        statuses[verdict.state.capitalize()] = "True"
    conditions = [
        {
            "type": kind,
            "status": value,
            "observedGeneration": generation,
            "lastTransitionTime": before.get((kind, value), timestamp(now)),
            "reason": verdict.reason,
            "message": verdict.message[:MAX_MESSAGE_CHARACTERS],
        }
        for kind, value in statuses.items()
    ]
    return status.model_copy(
        update={
            "observed_generation": generation,
            "conditions": tuple(Condition.model_validate(each) for each in conditions),
        }
    )


def invalid(problems: Sequence[Problem]) -> Verdict:
    """Return the verdict on an object that cannot be parsed."""
    sentences = (f"`{problem.field}`: {problem.message}." for problem in problems)
    return Verdict("stalled", "Invalid", " ".join(sentences))


def failure(error: BackendError) -> Verdict:
    """Return the verdict on an object whose plan could not be carried out."""
    match error:
        case BackendUnavailableError():
            return Verdict("reconciling", "GatewayUnavailable", f"Trying again: {error}.")
        case AccountMissingError():
            return Verdict("reconciling", "AccountMissing", f"Waiting for the account: {error}.")
        case RefusedError():
            return Verdict("stalled", "Refused", f"The ledger refuses this object: {error}.")
    return Verdict("stalled", "Conflict", f"{error}.")
