"""The status of an object, with conditions as the Kubernetes API conventions define them."""

import datetime
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from tintype_catalog.checks import endpoint_warning
from tintype_catalog.compiler import located
from tintype_catalog.contract import Contract
from tintype_catalog.egress_policy import EgressPolicy
from tintype_catalog.problems import Problem
from tintype_catalog.resources import ProviderBinding, parse_resource
from tintype_kubernetes.client import KubernetesObject
from tintype_operator.status.findings import (
    Delivery,
    Finding,
    accepted,
    address_allowed,
    lifecycle,
    programmed,
    ready,
    resolved,
)

MAX_MESSAGE_CHARACTERS = 4096
"""The longest message of a condition; longer messages are truncated."""

Timestamp = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]


class Condition(Contract):
    """One aspect of an object's state, as in the Kubernetes API conventions."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    """`Accepted`: the object is valid. `ResolvedRefs`: the objects that it refers to exist.
    `Programmed`: the gateways serve it. `AddressAllowed`: the release lets gateways call the
    server of a binding. `Ready`: all of these. `LifecycleCurrent`: the model is not
    deprecated or retired, and no date for it is set."""

    status: Literal["True", "False", "Unknown"]
    """`True` is the good state of every type."""

    observed_generation: Annotated[int, Field(ge=0)]
    """The generation of the object that the condition describes."""

    last_transition_time: Timestamp
    """The time when `status` changed last."""

    reason: Annotated[str, Field(min_length=1, max_length=64)]
    """The reason as one word for programs."""

    message: Annotated[str, Field(max_length=MAX_MESSAGE_CHARACTERS)]
    """The reason for people, and what they can do."""


class Status(Contract):
    """The status that the operator writes to an object."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The generation of the object that the status describes."""

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
    """One condition for each type."""

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
    policy: EgressPolicy | None = None,
) -> Status:
    """Return the status that an object should have.

    Args:
        manifest: The object with its current status.
        problems: The problems of this object.
        delivery: How many gateways serve its current generation.
        now: The time in UTC: the transition time of conditions, and the day for the lifecycle.
        model: The ImageModel whose lifecycle applies to the object; None if there is none.
        policy: Where gateways let bindings call; None if it is not known.
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
    if policy is not None and manifest.get("kind") == "ProviderBinding":
        findings["AddressAllowed"] = address_allowed(problems, _refusal(manifest, policy))
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
    """Return a warning about a likely mistake in a valid object, None without one."""
    if manifest.get("kind") != "ProviderBinding":
        return None
    spec = manifest["spec"]
    prefix = spec.get("api", {}).get("pathPrefix")
    warning = endpoint_warning(spec["dialect"], spec.get("endpoint"), prefix)
    return None if warning is None else f"`spec.endpoint` {warning}"


def _refusal(manifest: KubernetesObject, policy: EgressPolicy) -> str | None:
    """Return why gateways refuse every call of a binding; None if they may call."""
    binding = parse_resource(manifest)
    if not isinstance(binding, ProviderBinding):
        return None
    found = located(binding)
    return policy.refusal(found.spec) if isinstance(found, ProviderBinding) else None


def is_reported(manifest: KubernetesObject, status: Status) -> bool:
    """Return whether the object has this status; conditions of other controllers are ignored."""
    present, wanted = _status(manifest), status.model_dump(mode="json")
    return present.get("observedGeneration") == wanted["observedGeneration"] and all(
        condition in present.get("conditions", []) for condition in wanted["conditions"]
    )


def was_reported(manifest: KubernetesObject) -> bool:
    """Return whether the object has a status, of this or of an earlier generation."""
    return bool(_status(manifest).get("conditions"))


def is_observed(manifest: KubernetesObject) -> bool:
    """Return whether the object's status describes its current generation."""
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
