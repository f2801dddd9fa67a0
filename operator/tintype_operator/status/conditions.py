"""The status of an object, with conditions as the Kubernetes API conventions define them."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from tintype_catalog.catalog import Binding
from tintype_catalog.checks import endpoint_warning
from tintype_catalog.compiler import located
from tintype_catalog.conditions import (
    MAX_MESSAGE_CHARACTERS,
    Condition,
    Conditions,
    ObjectStatus,
    timestamp,
)
from tintype_catalog.contract import Contract, UsDollars
from tintype_catalog.credentials import references
from tintype_catalog.egress_policy import EgressPolicy
from tintype_catalog.price_changes import Moment, PriceChange, price_at
from tintype_catalog.pricing import PricingType
from tintype_catalog.problems import Problem
from tintype_catalog.resources import ProviderBinding, parse_resource
from tintype_kubernetes.client import KubernetesObject
from tintype_operator.status.findings import (
    Delivery,
    Finding,
    accepted,
    address_allowed,
    lifecycle,
    price,
    programmed,
    ready,
    resolved,
    stalled,
)

CORRECTED_BY_HAND = ("Accepted", "AddressAllowed")
"""The conditions that stay False until somebody edits the object, or settings of the release."""


class Status(ObjectStatus):
    """The status that the operator writes to an object."""

    conditions: Conditions = ()
    """`Accepted`: the object is valid. `ResolvedRefs`: the objects that it refers to exist.
    `Programmed`: the gateways serve it. `AddressAllowed`: the release lets gateways call the
    server of a binding. `Ready`: all of these. `LifecycleCurrent`: the model is not
    deprecated or retired, and no date for it is set. `PriceCurrent`: no change of the binding's
    price is announced. `True` is the good state of these types. While it is True also `Stalled`:
    the object is not valid, or its address not allowed, and nothing changes until somebody corrects
    that."""


class CurrentPricing(Contract):
    """The price of the moment: `spec.pricing`, or the last of `spec.priceChanges` that is due."""

    type: PricingType
    """The form of the price."""

    usd: UsDollars | None = None
    """USD for an image, a megapixel or a second; absent where the price is a table."""

    valid_from: Moment | None = None
    """The first moment of this price; absent for that of `spec.pricing`."""


class BindingStatus(Status):
    """The status of a binding, with what it costs now."""

    pricing: CurrentPricing | None = None
    """The price that requests have now, refreshed at the moment of each change. Absent while the
    catalog has no revision of the binding."""


def pricing_at(binding: Binding, now: datetime.datetime) -> CurrentPricing:
    """Return the price of a binding of the catalog at a moment."""
    found = price_at(binding.pricing, binding.price_changes, now)
    valid_from = found.valid_from if isinstance(found, PriceChange) else None
    return CurrentPricing(type=found.type, usd=found.usd, valid_from=valid_from)


def status_of(
    manifest: KubernetesObject,
    problems: Sequence[Problem],
    delivery: Delivery,
    *,
    now: datetime.datetime,
    model: KubernetesObject | None = None,
    policy: EgressPolicy | None = None,
    pricing: CurrentPricing | None = None,
    checks_secrets: bool = True,
) -> Status:
    """Return the status that an object should have.

    Args:
        manifest: The object with its current status.
        problems: The problems of this object.
        delivery: How many gateways serve its current generation.
        now: The time in UTC: the transition time of conditions, and the day for the lifecycle.
        model: The ImageModel whose lifecycle applies to the object; None if there is none.
        policy: Where gateways let bindings call; None if it is not known.
        pricing: What the binding costs now; None for a model, and for what is not in the catalog.
        checks_secrets: Whether the operator looks up what bindings refer to.
    """
    before = {item["type"]: item for item in _status(manifest).get("conditions", [])}
    generation: int = manifest["metadata"]["generation"]
    findings = {
        "Accepted": accepted(problems, delivery.served, None if problems else _warning(manifest)),
        "ResolvedRefs": resolved(problems, () if checks_secrets else _references(manifest)),
        "Programmed": programmed(
            problems,
            delivery,
            was_programmed=_is_true(before.get("Programmed"), generation),
        ),
    }
    if policy is not None and manifest.get("kind") == "ProviderBinding":
        findings["AddressAllowed"] = address_allowed(problems, _refusal(manifest, policy))
    findings |= _summary(findings)
    if model is not None:
        findings["LifecycleCurrent"] = lifecycle(model["spec"], now.date())
    if (finding := price(manifest.get("spec") or {}, now)) is not None:
        findings["PriceCurrent"] = finding
    conditions = tuple(
        Condition(
            type=kind,
            status=finding.status,
            observed_generation=generation,
            last_transition_time=_since(before.get(kind), finding, now),
            reason=finding.reason,
            message=finding.message[:MAX_MESSAGE_CHARACTERS],
        )
        for kind, finding in findings.items()
    )
    if manifest.get("kind") != "ProviderBinding":
        return Status(observed_generation=generation, conditions=conditions)
    return BindingStatus(observed_generation=generation, conditions=conditions, pricing=pricing)


def _summary(findings: Mapping[str, Finding]) -> Mapping[str, Finding]:
    """Return the conditions `Ready` and, while it is True, `Stalled`."""
    summary = {"Ready": ready(list(findings.values()))}
    by_hand = [findings[kind] for kind in CORRECTED_BY_HAND if kind in findings]
    if (finding := stalled(by_hand)) is not None:
        summary["Stalled"] = finding
    return summary


def _warning(manifest: KubernetesObject) -> str | None:
    """Return a warning about a likely mistake in a valid object, None without one."""
    if manifest.get("kind") != "ProviderBinding":
        return None
    spec = manifest["spec"]
    prefix = spec.get("api", {}).get("pathPrefix")
    warning = endpoint_warning(spec["dialect"], spec.get("endpoint"), prefix)
    return None if warning is None else f"`spec.endpoint` {warning}"


def _references(manifest: KubernetesObject) -> list[str]:
    binding = parse_resource(manifest)
    return references(binding) if isinstance(binding, ProviderBinding) else []


def _refusal(manifest: KubernetesObject, policy: EgressPolicy) -> str | None:
    """Return why gateways refuse every call of a binding; None if they may call."""
    binding = parse_resource(manifest)
    if not isinstance(binding, ProviderBinding):
        return None
    found = located(binding)
    return policy.refusal(found.spec) if isinstance(found, ProviderBinding) else None


def is_reported(manifest: KubernetesObject, status: Status) -> bool:
    """Return whether the object has this status; conditions of other controllers are ignored."""
    present, wanted = _status(manifest), fields_of(status)
    return all(
        present.get(field) == wanted.get(field) for field in ("observedGeneration", "pricing")
    ) and all(condition in present.get("conditions", []) for condition in wanted["conditions"])


def fields_of(status: Status) -> dict[str, Any]:
    """Return the fields of a status as the API server stores them: without those that are None."""
    return status.model_dump(mode="json", exclude_none=True)


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
    return timestamp(now)


def _status(manifest: KubernetesObject) -> dict[str, Any]:
    return manifest.get("status") or {}
