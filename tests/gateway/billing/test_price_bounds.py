"""What holds for any price, any request and any response."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import QUALITIES, amounts, edges, pricings
from tintype_catalog.costs import TokenUsage
from tintype_catalog.pricing import Pricing
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.billing.cost import ceiling, cost, expected
from tintype_gateway.values.events import FinishedCall
from tintype_gateway.values.job import Job
from tintype_testing.builders import delivered, job, model, priced
from tintype_testing.manifests import PIXELS, per_image, qualities, read

PER_USD = 16_000_000
KNOWN = qualities(low="low", medium="medium", high="high")


def fan_out(asked: Job, per_call: int, size: Size, **fields: Any) -> list[FinishedCall]:
    shares = [min(per_call, asked.images - first) for first in range(0, asked.images, per_call)]
    return [delivered([size] * share, **fields) for share in shares]


jobs = st.builds(
    job,
    images=st.integers(1, 10),
    prompt=st.text(min_size=1, max_size=40),
    size=st.builds(Size, edges, edges).map(SizeChoice),
    quality=st.sampled_from(QUALITIES),
)


@given(jobs, pricings, st.integers(1, 10))
def test_the_ceiling_covers_every_call_that_returns_the_requested_images(
    asked: Job, pricing: Pricing, per_call: int
) -> None:
    spec = model(limits={"maxImagesPerCall": per_call}, parameters=KNOWN, size=PIXELS)
    assert asked.size.size is not None
    most = ceiling(asked, spec, pricing, PER_USD)
    calls = fan_out(asked, per_call, asked.size.size)
    likely = expected(asked, spec, pricing, PER_USD)
    assert cost(asked, spec, [priced(call, pricing) for call in calls], PER_USD) <= most
    assert likely is not None
    assert likely <= most


@given(
    pricings,
    st.builds(Size, edges, edges),
    st.none() | st.sampled_from([*QUALITIES, "auto", "ultra"]),
    st.none() | st.builds(TokenUsage, *[st.integers(0, 10**9)] * 4, st.just(0), st.just(0)),
)
def test_every_result_of_a_provider_has_a_cost(
    pricing: Pricing, size: Size, quality: str | None, usage: TokenUsage | None
) -> None:
    call = delivered([size], quality=quality, usage=usage)
    assert cost(job(quality="low"), model(parameters=KNOWN), [priced(call, pricing)], PER_USD) >= 0


@given(amounts, st.integers(1, 10))
def test_a_flat_price_is_expected_and_held_and_charged_alike(usd: str, images: int) -> None:
    asked, pricing = job(images=images), read(Pricing, per_image(usd))
    calls = fan_out(asked, 1, Size(1024, 1024))
    most = ceiling(asked, model(), pricing, PER_USD)
    assert cost(asked, model(), [priced(call, pricing) for call in calls], PER_USD) == most
    assert expected(asked, model(), pricing, PER_USD) == most
