"""What the metrics count of a request that was charged."""

from collections.abc import Callable, Iterator, Sequence

from tintype_gateway.ledger.interface import Settlement
from tintype_gateway.observability.metrics import (
    CREDITS_USED,
    EXCESS_CREDITS,
    IMAGES_GENERATED,
    IMAGES_REFUSED,
)
from tintype_gateway.values.events import FinishedCall
from tintype_gateway.values.plan import Plan

MICRO_CREDITS = 1_000_000

Cost = Callable[[Sequence[FinishedCall]], int]
"""What calls cost together, in micro-credits."""


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
