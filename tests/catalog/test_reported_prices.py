"""`charge: Reported` and its ceiling in the contract."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.samples import fault
from tintype_catalog.costs import (
    MAX_REPORTED_USD,
    Demand,
    ceiling_usd,
    expected_usd,
    is_usable,
    reported_usd,
)
from tintype_catalog.pricing import Pricing
from tintype_catalog.sizes import Size
from tintype_testing.manifests import Manifest, per_image, provider_binding, read

ONE = Demand(1, 1, 9, None, None, None)


@pytest.mark.parametrize("report", ["NaN", "sNaN", "Infinity", "-Infinity", "-1", "0", "1000.01"])
def test_a_report_that_is_no_amount_a_negative_or_absurd_one_does_not_count(report: str) -> None:
    assert not is_usable(Decimal(report))


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_a_report_counts_as_it_is_or_not_at_all(report: Decimal) -> None:
    pricing = read(Pricing, per_image("0.02") | {"charge": "Reported"})

    counted = reported_usd(pricing, report)

    assert counted is None or 0 < counted == report <= MAX_REPORTED_USD


def test_a_price_is_charged_by_its_table_unless_it_says_otherwise() -> None:
    assert reported_usd(read(Pricing, per_image("0.02")), Decimal("0.01")) is None


def test_a_ceiling_replaces_that_of_the_table_where_reports_are_charged() -> None:
    pricing = read(Pricing, per_image("0.02") | {"charge": "Reported", "maxUsd": "0.03"})

    assert ceiling_usd(pricing, ONE._replace(images=2)) == Decimal("0.06")
    assert expected_usd(pricing, ONE._replace(images=2), Size(8, 8)) == Decimal("0.04")


def test_nothing_is_expected_to_cost_more_than_its_ceiling() -> None:
    pricing = read(Pricing, per_image("0.02") | {"charge": "Reported", "maxUsd": "0.01"})

    assert expected_usd(pricing, ONE, Size(8, 8)) == Decimal("0.01")


@pytest.mark.parametrize(
    "price",
    [
        per_image("0.02") | {"maxUsd": "0.03"},
        per_image("0.02") | {"maxUsd": "0.03", "charge": "Table"},
        {"type": "per_second", "usd": "0.02", "charge": "Reported"},
    ],
)
def test_a_ceiling_is_for_prices_that_need_one_or_reports(price: Manifest) -> None:
    assert "`maxUsd` goes with" in fault(provider_binding(pricing=price)).message
