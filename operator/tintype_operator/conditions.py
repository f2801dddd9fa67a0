"""What an object's author reads in its status: pure, from problems to conditions.

Positive polarity, as in Gateway API: True is good, and a reason and a sentence say why it is not.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from tintype_catalog.contract import Contract
from tintype_catalog.problems import ConditionType, Problem

MAX_MESSAGE_CHARACTERS = 4096
"""The longest message of a condition; what is longer is cut."""

STILL_SERVED = "The last good revision stays in the catalog."
"""What the author of a broken object wants to know first."""

Timestamp = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]


class Condition(Contract):
    """One aspect of an object's state, in the shape of Kubernetes' own conditions."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    """`Accepted`: the object is valid. `ResolvedRefs`: what it refers to is there."""

    status: Literal["True", "False", "Unknown"]
    """`True` is good."""

    observed_generation: Annotated[int, Field(ge=0)]
    """The generation of the object that this was said of."""

    last_transition_time: Timestamp
    """When the status changed last."""

    reason: Annotated[str, Field(min_length=1, max_length=64)]
    """Why, in one word for programs."""

    message: Annotated[str, Field(max_length=MAX_MESSAGE_CHARACTERS)]
    """Why, in words for people, and what can be done."""


class Status(Contract):
    """What the operator says of an object."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The generation of the object that all of this was said of."""

    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
        ),
    ] = ()
    """The aspects, each with its own type."""


class _Finding(NamedTuple):
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str


def status_of(
    manifest: dict[str, Any], problems: Sequence[Problem], *, served: bool, now: str
) -> Status:
    """Return the status that an object should have.

    Args:
        manifest: The object as it is, with the status that it has.
        problems: What is wrong with it, and with no other object.
        served: Whether the catalog holds a revision of it.
        now: The time, RFC 3339 in UTC, for the conditions whose status changes.
    """
    findings = {"Accepted": _accepted(problems, served), "ResolvedRefs": _resolved(problems)}
    generation: int = manifest["metadata"]["generation"]
    before = {item["type"]: item for item in _status(manifest).get("conditions", [])}
    return Status(
        observed_generation=generation,
        conditions=tuple(
            Condition(
                type=kind,
                status=finding.status,
                observed_generation=generation,
                last_transition_time=_since(before.get(kind), finding, now),
                reason=finding.reason,
                message=finding.message[:MAX_MESSAGE_CHARACTERS],
            )
            for kind, finding in findings.items()
        ),
    )


def is_reported(manifest: dict[str, Any], status: Status) -> bool:
    """Return whether the object has this status already; conditions of others do not matter."""
    present, wanted = _status(manifest), status.model_dump(mode="json")
    return present.get("observedGeneration") == wanted["observedGeneration"] and all(
        condition in present.get("conditions", []) for condition in wanted["conditions"]
    )


def was_reported(manifest: dict[str, Any]) -> bool:
    """Return whether the object has been judged before, in this or an earlier generation."""
    return bool(_status(manifest).get("conditions"))


def _accepted(problems: Sequence[Problem], served: bool) -> _Finding:
    faults = _about(problems, "Accepted")
    if not faults:
        return _Finding("True", "Accepted", "The object is valid.")
    hint = f" {STILL_SERVED}" if served else ""
    return _Finding("False", faults[0].reason, _sentences(faults) + hint)


def _resolved(problems: Sequence[Problem]) -> _Finding:
    if faults := _about(problems, "ResolvedRefs"):
        return _Finding("False", faults[0].reason, _sentences(faults))
    if any(fault.reason == "Invalid" for fault in problems):
        return _Finding("Unknown", "Invalid", "An invalid object's references are not looked up.")
    return _Finding("True", "ResolvedRefs", "Everything that the object refers to is there.")


def _about(problems: Sequence[Problem], kind: ConditionType) -> list[Problem]:
    return [problem for problem in problems if problem.condition == kind]


def _sentences(problems: Sequence[Problem]) -> str:
    return " ".join(f"`{problem.field}`: {problem.message}." for problem in problems)


def _since(before: dict[str, Any] | None, finding: _Finding, now: str) -> str:
    if before is not None and before["status"] == finding.status:
        return str(before["lastTransitionTime"])
    return now


def _status(manifest: dict[str, Any]) -> dict[str, Any]:
    return manifest.get("status") or {}
