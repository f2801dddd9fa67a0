"""What is counted of a charge."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tintype_gateway.pipeline.request_metrics import count_charge
from tintype_gateway.values.events import FinishedCall
from tintype_testing.builders import finished_call, plan, route, settlement
from tintype_testing.metrics import metric

BEDROCK = {"provider": "bedrock", "dialect": "bedrock-amazon", "regions": ["us-east-1"]}


def counted(provider: str) -> tuple[float, float]:
    labels = {"provider": provider, "model": "canvas"}
    return (
        metric("tintype_images_generated_total", **labels),
        metric("tintype_credits_used_total", **labels),
    )


def nothing(calls: Sequence[FinishedCall]) -> int:
    return 0


def test_providers_that_shared_a_request_have_their_shares_of_its_charge() -> None:
    def cost(calls: Sequence[FinishedCall]) -> int:
        return sum(3 if call.route.binding.provider == "bedrock" else 1 for call in calls)

    calls = [finished_call(), replace(finished_call(), route=route("us-east-1", **BEDROCK))]
    before = counted("openai"), counted("bedrock")

    count_charge(plan(), calls, settlement(4_000_000), cost, nothing)

    after = counted("openai"), counted("bedrock")
    shares = [
        tuple(round(new - old, 6) for new, old in zip(*pair, strict=True))
        for pair in zip(after, before, strict=True)
    ]
    assert shares == [(1, 1), (1, 3)]


def test_a_single_provider_has_the_whole_charge_without_prices() -> None:
    def cost(calls: Sequence[FinishedCall]) -> int:
        raise AssertionError("the charge says it")

    before = counted("openai")

    count_charge(plan(), [finished_call(), finished_call()], settlement(3_000_000), cost, nothing)

    after = counted("openai")
    assert (after[0] - before[0], round(after[1] - before[1], 6)) == (2, 3)


def test_images_for_nothing_are_counted_without_credits() -> None:
    before = counted("openai")

    count_charge(plan(), [finished_call()], settlement(0), nothing, nothing)

    assert counted("openai") == (before[0] + 1, before[1])


def test_what_a_provider_reports_above_the_ceiling_is_excess_beside_that_of_the_hold() -> None:
    labels = {"provider": "openai", "model": "canvas"}
    before = metric("tintype_excess_credits_total", **labels)
    charge = replace(settlement(1_000_000), excess=500_000)

    count_charge(plan(), [finished_call()], charge, nothing, lambda calls: 250_000)

    assert metric("tintype_excess_credits_total", **labels) - before == pytest.approx(0.75)
