"""A hold covers the cost of every call within the bounds of a provider."""

from decimal import Decimal
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import QUALITIES, edges, pricings
from tintype_catalog.costs import (
    AUTO,
    Demand,
    TokenUsage,
    call_usd,
    ceiling_usd,
    image_tokens,
    micro_credits,
)
from tintype_catalog.input_tokens import NO_INPUTS, Inputs, input_text_tokens, input_tokens
from tintype_catalog.pricing import Pricing
from tintype_catalog.sizes import Size

MAX_PIXELS = 4096 * 4096

asked_qualities = st.sampled_from([*QUALITIES, AUTO, None])
sizes = st.builds(Size, edges, edges)


inputs = st.just(NO_INPUTS) | st.builds(
    Inputs, st.lists(sizes, min_size=1, max_size=4).map(tuple), st.booleans(), st.booleans()
)


class Call(NamedTuple):
    delivered: list[Size]
    usage: TokenUsage | None


@st.composite
def demands(draw: st.DrawFn) -> Demand:
    images = draw(st.integers(1, 10))
    return Demand(
        images=images,
        calls=draw(st.integers(1, images)),
        prompt_bytes=draw(st.integers(0, 128_000)),
        size=draw(st.none() | sizes),
        max_pixels=draw(st.sampled_from([None, MAX_PIXELS])),
        quality=draw(asked_qualities),
        partial_images=draw(st.integers(0, 3)),
        inputs=draw(inputs),
    )


@st.composite
def served(draw: st.DrawFn, pricing: Pricing, demand: Demand) -> list[Call]:
    """Draw what the calls of a fan-out deliver and report, at most what was asked for."""
    calls = []
    left = demand.images
    for _ in range(demand.calls):
        count = draw(st.integers(0, left))
        left -= count
        delivered = [demand.size or draw(sizes) for _ in range(count)]
        calls.append(Call(delivered, draw(st.none() | usages(pricing, demand, delivered))))
    return calls


@st.composite
def usages(draw: st.DrawFn, pricing: Pricing, demand: Demand, delivered: list[Size]) -> TokenUsage:
    """Draw the usage of one call, where the provider picks the quality that was left open."""
    quality = draw(st.sampled_from(QUALITIES)) if demand.quality in (AUTO, None) else demand.quality
    partials = demand.partial_images * pricing.tokens_per_partial_image
    most = sum(image_tokens(pricing, size, quality, None) + partials for size in delivered)
    times = len(delivered) if demand.inputs.sizes else 1  # said to be charged for each image
    text = draw(st.integers(0, demand.prompt_bytes + input_text_tokens(demand.inputs))) * times
    images = draw(st.integers(0, input_tokens(pricing.input_image_tokens, demand.inputs))) * times
    return TokenUsage(
        text_input=text,
        image_input=images,
        image_output=draw(st.integers(0, most)),
        text_output=draw(st.integers(0, pricing.max_other_output_tokens)),
        cached_text_input=draw(st.integers(0, text)),
        cached_image_input=draw(st.integers(0, images)),
    )


@given(pricings, demands(), st.data())
def test_no_fan_out_costs_more_than_its_ceiling(
    pricing: Pricing, demand: Demand, data: st.DataObject
) -> None:
    calls = data.draw(served(pricing, demand))

    cost = sum((call_usd(pricing, demand, *call) for call in calls), Decimal(0))

    assert cost <= ceiling_usd(pricing, demand)


@given(pricings, demands(), sizes)
def test_a_size_left_open_is_held_at_no_less_than_any_size(
    pricing: Pricing, demand: Demand, size: Size
) -> None:
    asked = demand._replace(size=size)

    assert ceiling_usd(pricing, asked) <= ceiling_usd(pricing, asked._replace(size=None))


@given(pricings, demands(), st.sampled_from(QUALITIES), st.sampled_from([AUTO, None]))
def test_a_quality_left_open_is_held_at_no_less_than_any_quality(
    pricing: Pricing, demand: Demand, quality: str, left_open: str | None
) -> None:
    asked = demand._replace(quality=quality)

    assert ceiling_usd(pricing, asked) <= ceiling_usd(pricing, asked._replace(quality=left_open))


@given(pricings, demands(), st.integers(1, 10**8))
def test_a_ceiling_is_no_float_and_never_negative(
    pricing: Pricing, demand: Demand, per_usd: int
) -> None:
    usd = ceiling_usd(pricing, demand)
    credits = micro_credits(usd, per_usd)

    assert isinstance(usd, Decimal)
    assert isinstance(credits, int)
    assert credits >= 0
    assert abs(credits - usd * per_usd) <= Decimal("0.5")
