"""What is written down of a request: for the access log, and for the metrics."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tintype_gateway.ledger.interface import Settlement
from tintype_gateway.observability.metrics import (
    CREDITS_USED,
    EXCESS_CREDITS,
    IMAGES_GENERATED,
    IMAGES_REFUSED,
)
from tintype_gateway.values import FinishedCall, Plan, Route

MICRO_CREDITS = 1_000_000

Cost = Callable[[Sequence[FinishedCall]], int]
"""What calls cost together, in micro-credits."""


def facts_of(plan: Plan, user: str | None) -> dict[str, Any]:
    """Return what the access log says of a plan, for the end user that the request names."""
    return {
        "model": plan.model.id,
        **route_facts(plan.route),
        "images": plan.job.images,
        "stream": plan.stream,
        "adjustments": list(plan.job.adjustments),
        "user": user and user[:64],
    }


def route_facts(route: Route) -> dict[str, Any]:
    """Return what the access log says of the route that served a request."""
    return {
        "provider": route.binding.provider,
        "region": route.region,
        "binding": route.binding.name,
    }


def count_charge(
    plan: Plan, calls: Sequence[FinishedCall], settlement: Settlement, cost: Cost
) -> None:
    """Count the images of these calls and the credits that they were charged.

    Where several providers shared the request, each has the share of the charge that it cost.
    """
    for provider, own in _by_provider(calls):
        labels, share = (provider, plan.model.id), _share(own, calls, cost)
        IMAGES_GENERATED.labels(*labels).inc(sum(len(call.images) for call in own))
        CREDITS_USED.labels(*labels).inc(settlement.charged * share / MICRO_CREDITS)
        if refused := sum(call.refused + call.withheld for call in own):
            IMAGES_REFUSED.labels(*labels).inc(refused)
        if settlement.excess:  # rare: a series for each model would be for nothing
            EXCESS_CREDITS.labels(*labels).inc(settlement.excess * share / MICRO_CREDITS)


def _share(own: Sequence[FinishedCall], calls: Sequence[FinishedCall], cost: Cost) -> float:
    """Return the part of what all calls cost that some of them did."""
    if len(own) == len(calls):
        return 1
    total = cost(calls)
    return cost(own) / total if total else 1


def _by_provider(calls: Sequence[FinishedCall]) -> Iterator[tuple[str, list[FinishedCall]]]:
    for provider in dict.fromkeys(call.route.binding.provider for call in calls):
        yield provider, [call for call in calls if call.route.binding.provider == provider]
