"""The metrics of a charged request: images and credits."""

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
"""Returns the cost of calls together, in micro-credits."""


def count_charge(
    plan: Plan,
    calls: Sequence[FinishedCall],
    settlement: Settlement,
    cost: Cost,
    unpaid: Cost,
) -> None:
    """Count the images and the charged credits of these calls.

    If several providers served the request, the charge is divided by the cost of their calls.
    `unpaid` returns what providers report above the ceilings of calls.
    """
    for provider, own in _by_provider(calls):
        labels, share = (provider, plan.model.id), _share(own, calls, cost)
        IMAGES_GENERATED.labels(*labels).inc(sum(len(call.images) for call in own))
        CREDITS_USED.labels(*labels).inc(settlement.charged * share / MICRO_CREDITS)
        if refused := sum(call.refused + call.withheld for call in own):
            IMAGES_REFUSED.labels(*labels).inc(refused)
        # rare: creates no series for each model
        if excess := settlement.excess * share + unpaid(own):
            EXCESS_CREDITS.labels(*labels).inc(excess / MICRO_CREDITS)


def _share(own: Sequence[FinishedCall], calls: Sequence[FinishedCall], cost: Cost) -> float:
    """Return the share of some calls in the cost of all calls."""
    if len(own) == len(calls):
        return 1
    total = cost(calls)
    return cost(own) / total if total else 1


def _by_provider(calls: Sequence[FinishedCall]) -> Iterator[tuple[str, list[FinishedCall]]]:
    for provider in dict.fromkeys(call.route.binding.provider for call in calls):
        yield provider, [call for call in calls if call.route.binding.provider == provider]
