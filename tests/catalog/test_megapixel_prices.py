"""Prices with a first megapixel, further ones, and those of input images, as Black Forest Labs'."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.samples import fault
from tintype_catalog.costs import Demand, call_usd, ceiling_usd, expected_usd
from tintype_catalog.input_tokens import Inputs
from tintype_catalog.pricing import Pricing
from tintype_catalog.sizes import Size
from tintype_testing.manifests import Manifest, provider_binding, read

PRICE = {
    "type": "per_megapixel",
    "firstUsd": "0.03",
    "usd": "0.015",
    "inputUsd": "0.01",
    "maxUsd": "1",
}
SIZES = st.builds(Size, st.integers(64, 4096), st.integers(64, 4096))


def pricing(**fields: str) -> Pricing:
    return read(Pricing, PRICE | fields)


def demand(
    images: int = 1, size: Size | None = None, largest: int | None = None, *inputs: Size
) -> Demand:
    return Demand(
        images=images,
        calls=images,
        prompt_bytes=9,
        size=size,
        max_pixels=largest,
        quality=None,
        inputs=Inputs(inputs),
    )


@pytest.mark.parametrize(
    ("size", "usd"),
    [
        (Size(64, 64), "0.03"),
        (Size(1024, 1024), "0.03"),
        (Size(1040, 1024), "0.045"),
        (Size(1920, 1080), "0.045"),
        (Size(2048, 2048), "0.075"),
    ],
)
def test_megapixels_are_squares_of_1024_pixels_and_count_as_whole(size: Size, usd: str) -> None:
    assert call_usd(pricing(), demand(), [size], None) == Decimal(usd)


def test_each_image_of_a_request_is_paid_by_its_megapixels_for_each_image_made() -> None:
    square = Size(1024, 1024)
    asked = demand(2, square, None, square, Size(2048, 1024))

    assert ceiling_usd(pricing(), asked) == 2 * (Decimal("0.03") + 3 * Decimal("0.01"))
    assert call_usd(pricing(), asked, [square] * 2, None) == ceiling_usd(pricing(), asked)


def test_the_hold_is_that_of_the_size_and_of_the_largest_one_where_it_is_open() -> None:
    assert ceiling_usd(pricing(), demand(1, Size(512, 512), 2**22)) == Decimal("0.03")
    assert ceiling_usd(pricing(), demand(1, None, 2**22)) == Decimal("0.075")
    assert ceiling_usd(pricing(), demand(1, None, None)) == 1


def test_the_expected_cost_is_that_of_the_size() -> None:
    assert expected_usd(pricing(), demand(2), Size(2048, 1024)) == Decimal("0.09")


@given(SIZES, st.lists(SIZES, max_size=8), st.integers(1, 10))
def test_a_call_never_costs_more_than_its_hold(size: Size, inputs: list[Size], images: int) -> None:
    price, asked = pricing(maxUsd="0.1"), demand(images, size, 2**24, *inputs)

    cost = call_usd(price, asked, [size] * images, None)

    assert cost <= ceiling_usd(price, asked) <= images * Decimal("0.1")


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ({"type": "per_image", "usd": "1", "firstUsd": "1"}, "go with type per_megapixel"),
        (
            {"type": "per_second", "usd": "1", "maxUsd": "2", "inputUsd": "0"},
            "go with type per_megapixel",
        ),
        (
            {"type": "per_megapixel", "usd": "1", "maxUsd": "2", "inputUsd": "1"},
            "goes with `firstUsd`",
        ),
    ],
)
def test_the_fields_of_another_price_are_refused(price: Manifest, message: str) -> None:
    assert message in fault(provider_binding(pricing=price)).message
