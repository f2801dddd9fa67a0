"""Prices by what comes back: pixels, and the time that the provider took. `maxUsd` bounds both."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.samples import fault
from tintype_catalog.costs import Demand, call_usd, ceiling_usd, expected_usd
from tintype_catalog.pricing import Pricing
from tintype_catalog.sizes import Size
from tintype_testing.manifests import Manifest, provider_binding, read

SIZES = st.builds(Size, st.integers(1, 16384), st.integers(1, 16384))


def pricing(kind: str, usd: str, max_usd: str) -> Pricing:
    price = read(Pricing, {"type": kind, "usd": usd, "maxUsd": max_usd})
    assert isinstance(price, Pricing)
    return price


def demand(images: int = 1, size: Size | None = None) -> Demand:
    return Demand(images=images, calls=1, prompt_bytes=9, size=size, max_pixels=None, quality=None)


def test_an_image_costs_its_own_megapixels() -> None:
    price = pricing("per_megapixel", "0.02", "1")

    usd = call_usd(price, demand(2), [Size(1000, 1000), Size(500, 1000)], None)

    assert usd == Decimal("0.03")


def test_a_call_costs_the_time_that_the_provider_took() -> None:
    price = pricing("per_second", "0.002", "1")

    assert call_usd(price, demand(2), [Size(8, 8)] * 2, None, 12_500) == Decimal("0.025")


def test_the_expected_cost_of_a_megapixel_is_that_of_the_size() -> None:
    price = pricing("per_megapixel", "0.02", "1")

    assert expected_usd(price, demand(2), Size(1000, 500)) == Decimal("0.02")


@given(
    st.sampled_from(["per_megapixel", "per_second"]),
    st.lists(SIZES, min_size=1, max_size=10),
    st.integers(0, 10**8),
)
def test_a_call_never_costs_more_than_its_hold(
    kind: str, sizes: list[Size], milliseconds: int
) -> None:
    price, asked = pricing(kind, "0.02", "0.1"), demand(len(sizes))

    cost = call_usd(price, asked, sizes, None, milliseconds)

    assert 0 <= cost <= ceiling_usd(price, asked) == len(sizes) * Decimal("0.1")


@pytest.mark.parametrize("kind", ["per_megapixel", "per_second"])
def test_nothing_is_a_price(kind: str) -> None:
    price = pricing(kind, "0", "0")

    assert ceiling_usd(price, demand()) == call_usd(price, demand(), [Size(8, 8)], None, 9) == 0


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ({"type": "per_second", "usd": "1"}, "`maxUsd` goes with type per_megapixel and per_s"),
        ({"type": "per_megapixel", "maxUsd": "1"}, "`usd` goes with type per_image, per_megap"),
        ({"type": "per_image", "usd": "1", "maxUsd": "1"}, "`maxUsd` goes with type"),
    ],
)
def test_each_has_a_price_and_a_ceiling(price: Manifest, message: str) -> None:
    assert message in fault(provider_binding(pricing=price)).message


def test_a_ceiling_is_an_amount() -> None:
    price: dict[str, Any] = {"type": "per_second", "usd": "1", "maxUsd": "-1"}

    assert fault(provider_binding(pricing=price)).field == "spec.pricing.maxUsd"
