"""What is written down of a request: for the access log, and for the metrics."""

from collections.abc import Sequence
from typing import Any

from tintype_gateway.ledger.interface import Settlement
from tintype_gateway.metrics import (
    CREDITS_USED,
    EXCESS_CREDITS,
    IMAGES_GENERATED,
    IMAGES_REFUSED,
)
from tintype_gateway.values import FinishedCall, Plan

MICRO_CREDITS = 1_000_000


def facts_of(plan: Plan, user: str | None) -> dict[str, Any]:
    """Return what the access log says of a plan, for the end user that the request names."""
    return {
        "model": plan.model.id,
        "provider": plan.route.binding.provider,
        "region": plan.route.region,
        "binding": plan.route.binding.name,
        "images": plan.job.images,
        "stream": plan.stream,
        "adjustments": list(plan.job.adjustments),
        "user": user and user[:64],
    }


def count_charge(plan: Plan, calls: Sequence[FinishedCall], settlement: Settlement) -> None:
    """Count the pictures of these calls and the credits that they were charged."""
    labels = (plan.route.binding.provider, plan.model.id)
    IMAGES_GENERATED.labels(*labels).inc(sum(len(call.images) for call in calls))
    CREDITS_USED.labels(*labels).inc(settlement.charged / MICRO_CREDITS)
    if refused := sum(call.refused for call in calls):
        IMAGES_REFUSED.labels(*labels).inc(refused)
    if settlement.excess:  # rare: a series for each model would be for nothing
        EXCESS_CREDITS.labels(*labels).inc(settlement.excess / MICRO_CREDITS)
