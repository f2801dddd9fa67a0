"""What is said of one object, one aspect at a time: pure, from problems and deliveries to words.

Positive polarity, as in Gateway API: True is good, and a reason and a sentence say why it is not.
"""

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from tintype_catalog.image_model import Lifecycle
from tintype_catalog.problems import ConditionType, Problem

STILL_SERVED = "The last good revision stays in the catalog."
"""What the author of a broken object wants to know first."""


class Finding(NamedTuple):
    """A condition before it belongs to a generation and a time."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str


class Delivery(NamedTuple):
    """How far the current generation of an object got on its way to the gateways."""

    served: bool = False
    """Whether the catalog holds any revision of the object."""

    acknowledged: int = 0
    """How many gateways have a catalog that holds this generation."""

    gateways: int = 0
    """How many gateways there are."""

    refusal: str = ""
    """Why the catalog is not published at all, empty where it is."""


def accepted(problems: Sequence[Problem], served: bool, warning: str | None = None) -> Finding:
    """Say whether the object is valid, and what may be a mistake all the same."""
    faults = _about(problems, "Accepted")
    if not faults:
        doubt = f" Warning: {warning}." if warning else ""
        return Finding("True", "Accepted", f"The object is valid.{doubt}")
    hint = f" {STILL_SERVED}" if served else ""
    return Finding("False", faults[0].reason, _sentences(faults) + hint)


def resolved(problems: Sequence[Problem]) -> Finding:
    """Say whether what the object refers to is there."""
    if faults := _about(problems, "ResolvedRefs"):
        return Finding("False", faults[0].reason, _sentences(faults))
    if any(fault.reason == "Invalid" for fault in problems):
        return Finding("Unknown", "Invalid", "An invalid object's references are not looked up.")
    return Finding("True", "ResolvedRefs", "Everything that the object refers to is there.")


def programmed(problems: Sequence[Problem], delivery: Delivery, *, was_programmed: bool) -> Finding:
    """Say whether the gateways serve this generation; once they did, it stays said."""
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


def ready(parts: Sequence[Finding]) -> Finding:
    """Sum up: the first part that is not True says why."""
    for status in ("False", "Unknown"):
        for part in parts:
            if part.status == status:
                return part
    return Finding("True", "Ready", "The gateways serve this generation.")


def lifecycle(spec: Mapping[str, Any], today: datetime.date) -> Finding:
    """Say where in its life a model is, by the dates in its spec."""
    try:
        dates = Lifecycle.model_validate_json(json.dumps(spec.get("lifecycle") or {}))
    except ValidationError:
        return Finding("Unknown", "Invalid", "The dates cannot be read.")
    state = dates.state(today)
    if state == "Active":
        return Finding("True", "Current", "No end of the model is announced.")
    return Finding("False", state, _life(dates, today))


def _life(dates: Lifecycle, today: datetime.date) -> str:
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


def _about(problems: Sequence[Problem], kind: ConditionType) -> list[Problem]:
    return [problem for problem in problems if problem.condition == kind]


def _sentences(problems: Sequence[Problem]) -> str:
    return " ".join(f"`{problem.field}`: {problem.message}." for problem in problems)
