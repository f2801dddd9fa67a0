"""What a provider reports that a call cost, as a charge."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import QUALITIES, amounts, edges, pricings
from tintype_catalog.costs import TokenUsage
from tintype_catalog.pricing import Pricing
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.billing.cost import ceiling, cost, unpaid
from tintype_gateway.billing.sale import of_which
from tintype_gateway.values.events import FinishedCall
from tintype_testing.builders import delivered, job, model, priced
from tintype_testing.manifests import PIXELS, per_image, per_token, qualities, read, tokens

PER_USD = 16_000_000
SQUARE = Size(1024, 1024)
KNOWN = qualities(low="low", medium="medium", high="high")
REPORTED = per_image("0.02") | {"charge": "Reported", "maxUsd": "0.05"}


def call(usd: str | None, images: int = 1, price: dict[str, Any] = REPORTED) -> FinishedCall:
    report = None if usd is None else Decimal(usd)
    return priced(delivered([SQUARE] * images, cost_usd=report), read(Pricing, price))


def charged(*calls: FinishedCall) -> Decimal:
    asked = job(images=sum(len(call.images) for call in calls))
    return Decimal(cost(asked, model(), calls, PER_USD)) / PER_USD


def lost(*calls: FinishedCall) -> Decimal:
    return Decimal(unpaid(job(), model(), calls, PER_USD)) / PER_USD


def test_a_call_is_charged_what_its_provider_reports() -> None:
    assert charged(call("0.0175")) == Decimal("0.0175")
    assert charged(call("0.031")) == Decimal("0.031")


def test_the_reports_of_several_calls_are_added_up() -> None:
    assert charged(call("0.03"), call("0.0402", 3), call(None)) == Decimal("0.0902")


@pytest.mark.parametrize("report", [None, "NaN", "Infinity", "-0.01", "0", "1000000"])
def test_without_a_usable_report_the_table_counts(report: str | None) -> None:
    assert charged(call(report, images=2)) == Decimal("0.04")
    assert lost(call(report, images=2)) == 0


def test_a_price_by_the_table_ignores_reports() -> None:
    assert charged(call("0.01", price=per_image("0.02"))) == Decimal("0.02")
    assert lost(call("0.5", price=per_image("0.02"))) == 0


def test_a_report_above_the_ceiling_is_charged_up_to_it_and_the_rest_is_lost() -> None:
    assert charged(call("0.18", images=2)) == Decimal("0.10")
    assert lost(call("0.18", images=2), call("0.01")) == Decimal("0.08")


def test_refused_images_are_not_charged_though_the_report_has_them() -> None:
    made = replace(call("0.15", images=1), asked=3, refused=2)

    assert charged(made) == Decimal("0.05")
    assert lost(made) == 0


def test_a_call_whose_images_were_all_refused_is_not_charged_by_its_report() -> None:
    assert charged(replace(call("0.05"), images=(), refused=1)) == 0


def test_images_that_were_sold_before_the_others_cost_their_share_of_the_report() -> None:
    made = call("0.09", images=3)

    assert [charged(of_which(made, images)) for images in (1, 2, 3)] == [
        Decimal("0.03"),
        Decimal("0.06"),
        Decimal("0.09"),
    ]


def test_a_share_of_no_usable_report_is_that_of_the_table() -> None:
    assert charged(of_which(call("NaN", images=2), 1)) == Decimal("0.02")


def test_the_providers_own_time_counts_by_the_second_if_it_can_be_one() -> None:
    price = {"type": "per_second", "usd": "0.001", "maxUsd": "1"}
    pricing = read(Pricing, price)

    def of(own: int | None) -> Decimal:
        result = delivered([SQUARE], milliseconds=9000, provider_milliseconds=own)
        return charged(priced(result, pricing))

    assert (of(None), of(2000), of(-1)) == (Decimal("0.009"), Decimal("0.002"), Decimal("0.009"))


def test_a_report_bounds_a_price_by_token_at_its_ceiling_too() -> None:
    price = per_token(table=[tokens(1000)]) | {"charge": "Reported"}
    most = Decimal(10 * 5 + 1000 * 30) / 1_000_000  # "A hedgehog" is ten bytes

    assert charged(call("0.02", price=price)) == Decimal("0.02")
    assert charged(call("9", price=price)) == most


reported_prices = st.builds(
    lambda pricing, most: pricing.model_copy(update={"charge": "Reported", "max_usd": most}),
    pricings,
    st.none() | amounts,
)


@given(
    st.builds(
        job,
        images=st.integers(1, 10),
        prompt=st.text(min_size=1, max_size=40),
        size=st.builds(Size, edges, edges).map(SizeChoice) | st.just(SizeChoice()),
        quality=st.sampled_from(QUALITIES),
    ),
    reported_prices,
    st.integers(1, 10),
    st.lists(
        st.none()
        | st.decimals(allow_nan=True, allow_infinity=True)
        | st.decimals(0, 200, places=10),
        min_size=10,
        max_size=10,
    ),
    st.none() | st.builds(TokenUsage, *[st.integers(1, 10**9)] * 4, st.just(0), st.just(0)),
)
def test_a_charge_by_report_is_never_negative_and_never_above_the_hold(
    asked: Any, pricing: Pricing, per_call: int, reports: list[Decimal | None], usage: Any
) -> None:
    spec = model(limits={"maxImagesPerCall": per_call}, parameters=KNOWN, size=PIXELS)
    shares = [min(per_call, asked.images - first) for first in range(0, asked.images, per_call)]
    calls = [
        priced(delivered([SQUARE] * share, usage=usage, cost_usd=report), pricing)
        for share, report in zip(shares, reports, strict=False)
    ]

    assert 0 <= cost(asked, spec, calls, PER_USD) <= ceiling(asked, spec, pricing, PER_USD)
    assert unpaid(asked, spec, calls, PER_USD) >= 0
