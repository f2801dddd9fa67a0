"""A binding has one price at each moment: its `pricing`, and then each of its `priceChanges`."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.samples import fault
from tests.catalog.strategies import amounts
from tintype_catalog.catalog import read_catalog
from tintype_catalog.compiler import compile_manifests
from tintype_catalog.price_changes import PriceChange, next_change, price_at
from tintype_catalog.pricing import Pricing
from tintype_testing.builders import binding
from tintype_testing.manifests import (
    Manifest,
    by_size,
    compiled,
    image_model,
    per_image,
    per_token,
    price,
    provider_binding,
    read,
    tokens,
)

START = datetime(2027, 1, 1, tzinfo=UTC)

moments = st.integers(0, 100_000_000).map(lambda seconds: START + timedelta(seconds=seconds))
zones = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))


def change(moment: datetime, pricing: Manifest) -> Manifest:
    return {"validFrom": moment.isoformat()} | pricing


@st.composite
def histories(draw: st.DrawFn) -> tuple[Pricing, tuple[PriceChange, ...]]:
    """A price and its changes, whose moments are in any time zones."""
    ordered = sorted(draw(st.sets(moments, max_size=8)))
    changes = tuple(
        read(PriceChange, change(moment.astimezone(draw(zones)), per_image(draw(amounts))))
        for moment in ordered
    )
    return read(Pricing, per_image(draw(amounts))), changes


@given(histories(), moments)
def test_the_price_is_that_of_the_last_change_before_the_moment(
    history: tuple[Pricing, tuple[PriceChange, ...]], moment: datetime
) -> None:
    pricing, changes = history
    due = [each for each in changes if each.moment <= moment]

    assert price_at(pricing, changes, moment) is (due[-1] if due else pricing)


@given(histories())
def test_a_change_counts_from_its_moment_on_and_not_before(
    history: tuple[Pricing, tuple[PriceChange, ...]],
) -> None:
    pricing, changes = history
    for before, after in zip((pricing, *changes), changes, strict=False):
        assert price_at(pricing, changes, after.moment - timedelta(microseconds=1)) is before
        assert price_at(pricing, changes, after.moment) is after


@given(histories(), moments)
def test_the_next_change_is_the_price_of_its_moment(
    history: tuple[Pricing, tuple[PriceChange, ...]], moment: datetime
) -> None:
    pricing, changes = history
    coming = next_change(changes, moment)

    if coming is None:
        assert all(each.moment <= moment for each in changes)
    else:
        assert coming.moment > moment
        assert price_at(pricing, changes, coming.moment) is coming


def test_a_binding_with_one_price_is_itself_at_every_moment() -> None:
    plain = binding()

    assert plain.at(START) is plain


def test_a_binding_at_a_moment_has_one_price_that_stays() -> None:
    changing = binding(priceChanges=[change(START, per_image("0.05"))])

    now = changing.at(START)

    assert now.pricing.usd == "0.05"
    assert now.at(START - timedelta(days=1)) is now
    assert changing.pricing.usd == "0.040"


def test_the_catalog_keeps_all_prices() -> None:
    changes = [
        change(START, per_image("0.05")),
        change(START + timedelta(days=31), by_size(price("0.06"))),
    ]
    catalog = compiled(image_model(), provider_binding(priceChanges=changes))

    published = read_catalog(catalog.to_json())

    assert published == catalog
    assert [each.valid_from for each in published.bindings[0].price_changes] == [
        "2027-01-01T00:00:00+00:00",
        "2027-02-01T00:00:00+00:00",
    ]


def test_a_catalog_without_price_changes_has_the_bytes_that_it_had() -> None:
    assert b"priceChanges" not in compiled(image_model(), provider_binding()).to_json()


@pytest.mark.parametrize(
    ("moments_listed", "said"),
    [
        (["2027-02-01T00:00:00Z", "2027-01-01T00:00:00Z"], "must be later than the one before"),
        (["2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"], "must be later than the one before"),
        (["2027-01-01T00:00:00Z", "2027-01-01T01:00:00+01:00"], "must be later than the one"),
        (["2027-01-01"], "should match pattern"),
        (["2027-01-01T00:00:00"], "should match pattern"),
        (["2027-01-01T00:00:00.5Z"], "should match pattern"),
        (["2027-02-30T00:00:00Z"], "day is out of range for month"),
    ],
)
def test_moments_that_have_no_order_or_no_zone_are_refused(
    moments_listed: list[str], said: str
) -> None:
    changes = [{"validFrom": each} | per_image("0.05") for each in moments_listed]

    problem = fault(provider_binding(priceChanges=changes))

    assert problem.field.startswith("spec.priceChanges")
    assert said in problem.message


def test_a_change_is_a_whole_price() -> None:
    problem = fault(
        provider_binding(priceChanges=[{"validFrom": "2027-01-01T00:00:00Z", "usd": "1"}])
    )

    assert (problem.field, problem.message) == ("spec.priceChanges[0].type", "Field required")


def test_a_later_price_must_cover_every_size_and_quality_too() -> None:
    incomplete = per_token(table=[tokens(100, size="1024x1024")])
    changes = [change(START, per_image("0.05")), change(START + timedelta(days=1), incomplete)]

    catalog, problems = compile_manifests([image_model(), provider_binding(priceChanges=changes)])

    assert catalog.bindings == ()
    assert [(each.field, each.reason) for each in problems] == [
        ("spec.priceChanges[1]", "Unpriced")
    ]


def test_many_large_tables_are_refused() -> None:
    large = by_size(*(price("0.01", maxPixels=10_000_000 + row) for row in range(63)), price("1"))
    changes = [change(START + timedelta(days=day), large) for day in range(8)]

    assert "must have at most 6144 bytes" in fault(provider_binding(priceChanges=changes)).message


@pytest.mark.parametrize(
    ("pricing", "text"),
    [
        (per_image("0.05"), "0.05 USD for an image"),
        (by_size(price("0.05")), "0.05 USD for an image"),
        (by_size(price("0.5", maxPixels=9), price("0.06")), "0.06 to 0.5 USD for an image"),
        ({"type": "per_second", "usd": "0.1", "maxUsd": "1"}, "0.1 USD for a second"),
        (
            {"type": "per_megapixel", "firstUsd": "0.03", "usd": "0.01", "maxUsd": "1"},
            "0.03 USD for a megapixel",
        ),
        (per_token(factors={"low": 16}), "30 USD for a million image tokens"),
    ],
)
def test_a_price_is_said_in_short(pricing: Manifest, text: str) -> None:
    assert str(read(Pricing, pricing)) == text
