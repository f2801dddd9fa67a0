"""Pure functions that derive the conditions of one object from its problems and its delivery.

Conditions have positive polarity, as in the Gateway API: True is good, and otherwise a reason and a
message say why. The exception is `Stalled`, for kstatus: it is present only while it is True.
"""

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from tintype_catalog.image_model import Lifecycle
from tintype_catalog.price_changes import PriceChange, PriceChanges, next_change, price_at
from tintype_catalog.pricing import Pricing
from tintype_catalog.problems import ConditionType, Problem

STILL_SERVED = "The last good revision stays in the catalog."
"""Added to the message of an invalid object, so that its author knows that requests still work."""


class Finding(NamedTuple):
    """A condition without its generation and its transition time."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str


class Delivery(NamedTuple):
    """Which gateways serve the current generation of an object."""

    served: bool = False
    """Whether the catalog contains any revision of the object."""

    acknowledged: int = 0
    """The number of gateways whose catalog contains this generation."""

    gateways: int = 0
    """The number of all gateways."""

    refusal: str = ""
    """Why the catalog was not published; empty if it was."""


def accepted(problems: Sequence[Problem], served: bool, warning: str | None = None) -> Finding:
    """Return the finding `Accepted`: whether the object is valid, with a warning if any."""
    faults = _of_type(problems, "Accepted")
    if not faults:
        doubt = f" Warning: {warning}." if warning else ""
        return Finding("True", "Accepted", f"The object is valid.{doubt}")
    hint = f" {STILL_SERVED}" if served else ""
    return Finding("False", faults[0].reason, _sentences(faults) + hint)


def resolved(problems: Sequence[Problem], unchecked: Sequence[str] = ()) -> Finding:
    """Return the finding `ResolvedRefs`: whether the objects that it refers to exist.

    It stays True with objects that the operator must not look up, and its reason says so.
    """
    if faults := _of_type(problems, "ResolvedRefs"):
        return Finding("False", faults[0].reason, _sentences(faults))
    if any(fault.reason == "Invalid" for fault in problems):
        return Finding("Unknown", "Invalid", "An invalid object's references are not looked up.")
    if unchecked:
        names = ", ".join(unchecked)
        message = f"Not looked up, as the operator has no permission on Secrets: {names}."
        return Finding("True", "SecretsNotChecked", message)
    return Finding("True", "ResolvedRefs", "Everything that the object refers to is there.")


def address_allowed(problems: Sequence[Problem], refusal: str | None) -> Finding:
    """Return the finding `AddressAllowed`: whether gateways may call the server of a binding."""
    if any(fault.reason == "Invalid" for fault in problems):
        return Finding("Unknown", "Invalid", "The address of an invalid object is not checked.")
    if refusal is not None:
        return Finding("False", "AddressNotAllowed", f"Gateways refuse all calls: {refusal}.")
    message = "The release allows the address. Gateways check what a name means when they connect."
    return Finding("True", "AddressAllowed", message)


def programmed(problems: Sequence[Problem], delivery: Delivery, *, was_programmed: bool) -> Finding:
    """Return the finding `Programmed`; once the gateways served this generation, it stays True."""
    if problems:
        message = "The catalog does not hold this generation: see the conditions that are False."
        return Finding("False", "NotInCatalog", message)
    if delivery.refusal and not was_programmed:
        return Finding("False", "PublicationRefused", delivery.refusal)
    if was_programmed or 0 < delivery.gateways == delivery.acknowledged:
        return Finding("True", "Programmed", "The gateways serve this generation.")
    if not delivery.gateways:
        return Finding("Unknown", "NoGateways", "No gateway is ready, so none can serve it yet.")
    progress = f"{delivery.acknowledged} of {delivery.gateways} gateways"
    return Finding("False", "Pending", f"{progress} serve this generation.")


def ready(findings: Sequence[Finding]) -> Finding:
    """Return the finding `Ready`: the first one that is False or Unknown, if there is one."""
    for status in ("False", "Unknown"):
        for finding in findings:
            if finding.status == status:
                return finding
    return Finding("True", "Ready", "The gateways serve this generation.")


def stalled(findings: Sequence[Finding]) -> Finding | None:
    """Return the finding `Stalled`, for kstatus: the first of these that is False, if there is one.

    These are findings that stay False until somebody edits something. A missing reference is not
    among them: it may be created later, as in a folder of manifests.
    """
    found = next((finding for finding in findings if finding.status == "False"), None)
    return None if found is None else found._replace(status="True")


def lifecycle(spec: Mapping[str, Any], today: datetime.date) -> Finding:
    """Return the finding `LifecycleCurrent` of a model, from the dates in its spec."""
    try:
        dates = Lifecycle.model_validate_json(json.dumps(spec.get("lifecycle") or {}))
    except ValidationError:
        return Finding("Unknown", "Invalid", "The dates cannot be read.")
    state = dates.state(today)
    if state == "Active":
        return Finding("True", "Current", "No end of the model is announced.")
    return Finding("False", state, _lifecycle_message(dates, today))


def _lifecycle_message(dates: Lifecycle, today: datetime.date) -> str:
    sentences: list[str] = []
    if dates.deprecated_on is not None:
        verb = "is" if today >= dates.deprecated_on else "will be"
        sentences.append(f"The model {verb} deprecated from {dates.deprecated_on}.")
    if dates.retires_on is not None:
        verb = "is" if today >= dates.retires_on else "will be"
        sentences.append(
            f"The model {verb} retired from {dates.retires_on}, and requests get 400 then."
        )
    if dates.replacement is not None:
        sentences.append(f"Use `{dates.replacement}` instead.")
    return " ".join(sentences)


_CHANGES: TypeAdapter[tuple[PriceChange, ...]] = TypeAdapter(PriceChanges)


def price(spec: Mapping[str, Any], now: datetime.datetime) -> Finding | None:
    """Return the finding `PriceCurrent` of a binding; None if its price never changes."""
    if not spec.get("priceChanges"):
        return None
    try:
        changes = _CHANGES.validate_json(json.dumps(spec["priceChanges"]))
        pricing = Pricing.model_validate_json(json.dumps(spec.get("pricing")))
    except ValidationError:
        return Finding("Unknown", "Invalid", "The prices cannot be read.")
    current, coming = price_at(pricing, changes, now), next_change(changes, now)
    if coming is not None:
        message = f"From {coming.valid_from} on: {coming}. Until then: {current}."
        return Finding("False", "ChangeAnnounced", message)
    since = f"since {changes[-1].valid_from}"
    return Finding("True", "Current", f"No change is announced. The price {since}: {current}.")


def _of_type(problems: Sequence[Problem], kind: ConditionType) -> list[Problem]:
    return [problem for problem in problems if problem.condition == kind]


def _sentences(problems: Sequence[Problem]) -> str:
    return " ".join(f"`{problem.field}`: {problem.message}." for problem in problems)
