"""The status of an object, in the shape that Kubernetes gives to conditions."""

import datetime
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from tintype_catalog.checks import endpoint_warning
from tintype_catalog.contract import Contract
from tintype_catalog.problems import Problem
from tintype_kubernetes.client import KubernetesObject
from tintype_operator.status.findings import (
    Delivery,
    Finding,
    accepted,
    lifecycle,
    programmed,
    ready,
    resolved,
)

MAX_MESSAGE_CHARACTERS = 4096
"""The longest message of a condition; what is longer is cut."""

Timestamp = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]


class Condition(Contract):
    """One aspect of an object's state, in the shape of Kubernetes' own conditions."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    """`Accepted`: the object is valid. `ResolvedRefs`: what it refers to is there. `Programmed`:
    the gateways serve it. `Ready`: all of these. `LifecycleCurrent`: no end is announced."""

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

    def is_ready(self) -> bool:
        """Return whether the gateways serve the object."""
        return any(item.type == "Ready" and item.status == "True" for item in self.conditions)


def status_of(
    manifest: KubernetesObject,
    problems: Sequence[Problem],
    delivery: Delivery,
    *,
    now: datetime.datetime,
    model: KubernetesObject | None = None,
) -> Status:
    """Return the status that an object should have.

    Args:
        manifest: The object as it is, with the status that it has.
        problems: What is wrong with it, and with no other object.
        delivery: How far its current generation got.
        now: The time in UTC: it dates the conditions that change, and decides about lifecycles.
        model: The ImageModel whose life the object shares; None where there is none.
    """
    before = {item["type"]: item for item in _status(manifest).get("conditions", [])}
    generation: int = manifest["metadata"]["generation"]
    findings = {
        "Accepted": accepted(problems, delivery.served, None if problems else _warning(manifest)),
        "ResolvedRefs": resolved(problems),
        "Programmed": programmed(
            problems,
            delivery,
            was_programmed=_is_true(before.get("Programmed"), generation),
        ),
    }
    findings["Ready"] = ready(list(findings.values()))
    if model is not None:
        findings["LifecycleCurrent"] = lifecycle(model["spec"], now.date())
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


def _warning(manifest: KubernetesObject) -> str | None:
    """Return what may be a mistake in a valid object."""
    if manifest.get("kind") != "ProviderBinding":
        return None
    warning = endpoint_warning(manifest["spec"]["dialect"], manifest["spec"].get("endpoint"))
    return None if warning is None else f"`spec.endpoint` {warning}"


def is_reported(manifest: KubernetesObject, status: Status) -> bool:
    """Return whether the object has this status already; conditions of others do not matter."""
    present, wanted = _status(manifest), status.model_dump(mode="json")
    return present.get("observedGeneration") == wanted["observedGeneration"] and all(
        condition in present.get("conditions", []) for condition in wanted["conditions"]
    )


def was_reported(manifest: KubernetesObject) -> bool:
    """Return whether the object had a status before, in this or an earlier generation."""
    return bool(_status(manifest).get("conditions"))


def is_observed(manifest: KubernetesObject) -> bool:
    """Return whether the object got a status since it was edited last."""
    generation: int = manifest["metadata"]["generation"]
    return bool(_status(manifest).get("observedGeneration") == generation)


def _is_true(condition: dict[str, Any] | None, generation: int) -> bool:
    return (
        condition is not None
        and condition["status"] == "True"
        and condition["observedGeneration"] == generation
    )


def _since(before: dict[str, Any] | None, finding: Finding, now: datetime.datetime) -> str:
    if before is not None and before["status"] == finding.status:
        return str(before["lastTransitionTime"])
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _status(manifest: KubernetesObject) -> dict[str, Any]:
    return manifest.get("status") or {}
