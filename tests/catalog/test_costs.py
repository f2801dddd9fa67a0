from decimal import Decimal
from typing import Any

import pytest

from tintype_catalog.costs import (
    AUTO,
    Demand,
    TokenUsage,
    call_usd,
    ceiling_usd,
    expected_usd,
    image_tokens,
    micro_credits,
)
from tintype_catalog.input_tokens import Inputs
from tintype_catalog.pricing import Pricing
from tintype_catalog.sizes import Size
from tintype_testing.manifests import (
    Manifest,
    by_size,
    by_size_quality,
    per_image,
    per_token,
    price,
    read,
    tokens,
)

SQUARE, LARGE, HUGE = Size(1024, 1024), Size(1536, 1024), Size(4096, 4096)
ONE = Demand(1, 1, 10, SQUARE, None, None)

FLAT = read(Pricing, per_image("0.04"))
SIZED = read(
    Pricing,
    by_size(price("0.01", maxPixels=262144), price("0.04", maxPixels=1048576), price("0.12")),
)
DALL_E_3 = read(
    Pricing,
    by_size_quality(
        price("0.040", maxPixels=1048576, quality="standard"),
        price("0.080", quality="standard"),
        price("0.080", maxPixels=1048576, quality="hd"),
        price("0.120", quality="hd"),
    ),
)
TABLE = read(
    Pricing,
    per_token(
        table=[
            tokens(272, quality="low", size="1024x1024"),
            tokens(400, quality="low", size="1536x1024"),
            tokens(4160, quality="high", size="1024x1024"),
            tokens(6208, quality="high", size="1536x1024"),
        ],
        tokensPerPartialImage=100,
        maxOtherOutputTokens=1000,
    ),
)
FORMULA = read(Pricing, per_token(factors={"low": 16, "high": 96}))


def demand(**changes: Any) -> Demand:
    return ONE._replace(**changes)


@pytest.mark.parametrize(
    ("pricing", "size", "quality", "usd"),
    [
        (FLAT, SQUARE, None, "0.04"),
        (FLAT, HUGE, "hd", "0.04"),
        (SIZED, Size(256, 256), None, "0.01"),
        (SIZED, Size(512, 512), None, "0.01"),
        (SIZED, Size(512, 513), None, "0.04"),
        (SIZED, LARGE, None, "0.12"),
        (DALL_E_3, SQUARE, "standard", "0.040"),
        (DALL_E_3, SQUARE, "hd", "0.080"),
        (DALL_E_3, LARGE, "standard", "0.080"),
        (DALL_E_3, LARGE, "hd", "0.120"),
        # What the provider chooses is held at the largest choice.
        (DALL_E_3, SQUARE, AUTO, "0.080"),
        (DALL_E_3, SQUARE, None, "0.080"),
        (DALL_E_3, None, "standard", "0.080"),
        (DALL_E_3, None, AUTO, "0.120"),
        (SIZED, None, None, "0.12"),
    ],
)
def test_an_image_costs_what_its_size_and_quality_say(
    pricing: Pricing, size: Size | None, quality: str | None, usd: str
) -> None:
    assert ceiling_usd(pricing, demand(size=size, quality=quality)) == Decimal(usd)


def test_ten_images_cost_ten_times_as_much() -> None:
    assert ceiling_usd(DALL_E_3, demand(images=10, calls=10, quality="hd")) == Decimal("0.80")


@pytest.mark.parametrize(
    ("rows", "quality", "usd"),
    [
        ([price("0.01", quality="draft"), price("0.04")], "draft", "0.01"),
        ([price("0.01", quality="draft"), price("0.04")], "final", "0.04"),
        ([price("0.01", quality="draft"), price("0.04")], AUTO, "0.04"),
        ([price("0.04"), price("0.01", quality="draft")], "draft", "0.04"),
        ([price("0.01", quality="draft", maxPixels=100), price("0.04")], "draft", "0.04"),
    ],
)
def test_of_the_rows_for_a_quality_and_for_any_the_first_that_fits_counts(
    rows: list[Manifest], quality: str, usd: str
) -> None:
    pricing = read(Pricing, by_size_quality(*rows))

    assert ceiling_usd(pricing, demand(quality=quality)) == Decimal(usd)


@pytest.mark.parametrize(
    ("pricing", "size", "quality", "count"),
    [
        (TABLE, SQUARE, "low", 272),
        (TABLE, LARGE, "low", 400),
        (TABLE, LARGE, "high", 6208),
        (TABLE, SQUARE, AUTO, 4160),
        (TABLE, None, "low", 400),
        (TABLE, None, None, 6208),
        (FORMULA, SQUARE, "low", 196),
        (FORMULA, SQUARE, "high", 7024),
        (FORMULA, SQUARE, AUTO, 7024),
        (FLAT, SQUARE, None, 0),
    ],
)
def test_an_image_takes_the_tokens_of_its_size_and_quality(
    pricing: Pricing, size: Size | None, quality: str | None, count: int
) -> None:
    assert image_tokens(pricing, size, quality, None) == count


def test_a_size_that_the_table_does_not_name_takes_the_most_of_its_quality() -> None:
    """Some day a provider will deliver one, and the client must still get the image."""
    assert image_tokens(TABLE, Size(1000, 1000), "low", None) == 400


def test_an_image_of_open_size_takes_the_tokens_of_the_largest_square() -> None:
    largest = image_tokens(FORMULA, Size(2880, 2880), "high", None)

    assert image_tokens(FORMULA, None, "high", 2880 * 2880) == largest


def test_the_ceiling_of_a_price_by_token_covers_prompt_images_partials_and_text() -> None:
    asked = demand(images=3, calls=2, prompt_bytes=50, quality="low", partial_images=2)
    text, images, other = 2 * 50 * 5, 3 * (272 + 2 * 100) * 30, 2 * 1000 * 10

    assert ceiling_usd(TABLE, asked) == Decimal(text + images + other) / 1_000_000


def test_a_call_costs_the_tokens_that_the_provider_reports() -> None:
    usage = TokenUsage(text_input=7, image_input=5, image_output=300, text_output=2)

    cost = call_usd(TABLE, demand(quality="low"), [SQUARE], usage)

    assert cost == Decimal(7 * 5 + 5 * 8 + 300 * 30 + 2 * 10) / 1_000_000


def test_tokens_that_the_provider_had_in_its_cache_have_prices_of_their_own() -> None:
    prices = {"textInput": "5", "cachedTextInput": "1.25", "imageInput": "8", "imageOutput": "30"}
    usage = TokenUsage(*(10, 20, 300, 0), cached_text_input=4, cached_image_input=15)

    own_price = read(Pricing, per_token(perMillionTokens=prices | {"cachedImageInput": "2"}))
    text_alone = read(Pricing, per_token(perMillionTokens=prices))

    text, output = 6 * 5 + 4 * Decimal("1.25"), 300 * 30
    assert call_usd(own_price, ONE, [SQUARE], usage) * 1_000_000 == text + 5 * 8 + 15 * 2 + output
    assert call_usd(text_alone, ONE, [SQUARE], usage) * 1_000_000 == text + 20 * 8 + output


def test_cached_tokens_that_cost_nothing_are_free() -> None:
    prices = {"textInput": "5", "cachedTextInput": "0", "imageOutput": "30"}
    usage = TokenUsage(10, 0, 300, 0, cached_text_input=10)

    assert (
        call_usd(read(Pricing, per_token(perMillionTokens=prices)), ONE, [SQUARE], usage)
        == Decimal(300 * 30) / 1_000_000
    )


EDITED = read(
    Pricing,
    per_token(table=[tokens(272)], inputImageTokens={"formula": "Patches32"}),
)


def test_the_ceiling_of_an_edit_pays_text_and_images_for_each_image_that_is_made() -> None:
    given = Inputs((SQUARE, LARGE), mask=True)
    asked = demand(images=3, calls=1, prompt_bytes=50, inputs=given)

    text, image = 50 + 3 * 64, 1024 + 1536 + 1536
    assert ceiling_usd(EDITED, asked) == 3 * Decimal(text * 5 + image * 8 + 272 * 30) / 1_000_000


def test_an_edit_without_reported_usage_costs_what_the_formula_says() -> None:
    asked = demand(images=2, prompt_bytes=50, inputs=Inputs((SQUARE,)))

    usd = call_usd(EDITED, asked, [SQUARE, SQUARE], None)

    assert usd == 2 * Decimal((50 + 64) * 5 + 1024 * 8 + 272 * 30) / 1_000_000
    assert usd == ceiling_usd(EDITED, asked)


def test_an_edit_is_expected_to_cost_its_images_and_a_token_for_four_bytes() -> None:
    asked = demand(images=2, prompt_bytes=50, inputs=Inputs((SQUARE,)))

    assert expected_usd(EDITED, asked, SQUARE) == (
        2 * Decimal((13 + 64) * 5 + 1024 * 8 + 272 * 30) / 1_000_000
    )


def test_images_of_a_request_change_no_price_by_the_image() -> None:
    asked = demand(images=2, inputs=Inputs((SQUARE,) * 16, mask=True))

    assert ceiling_usd(FLAT, asked) == Decimal("0.08")


def test_a_call_without_reported_usage_costs_the_figures_of_the_table() -> None:
    cost = call_usd(TABLE, demand(images=2, quality="low"), [SQUARE, LARGE], None)

    assert cost == Decimal(10 * 5 + (272 + 400) * 30) / 1_000_000


def test_without_reported_usage_partial_images_cost_the_figure_of_the_price() -> None:
    cost = call_usd(TABLE, demand(quality="low", partial_images=3), [SQUARE], None)

    assert cost == Decimal(10 * 5 + (272 + 3 * 100) * 30) / 1_000_000


def test_a_call_that_delivers_nothing_and_reports_nothing_is_free() -> None:
    assert call_usd(TABLE, demand(quality="low"), [], None) == 0
    assert call_usd(DALL_E_3, demand(quality="hd"), [], None) == 0


def test_a_call_priced_by_the_image_costs_its_delivered_images_and_ignores_usage() -> None:
    usage = TokenUsage(1000, 1000, 1000, 1000)

    cost = call_usd(DALL_E_3, demand(images=3, quality="hd"), [SQUARE, LARGE], usage)

    assert cost == Decimal("0.20")


@pytest.mark.parametrize(
    ("usd", "micro"),
    [
        ("0", 0),
        ("0.00000003", 0),
        ("0.00000003125", 1),
        ("0.000000031249999", 0),
        ("0.00000009375", 2),
        ("0.00000015625", 3),
        ("12.5", 200_000_000),
    ],
)
def test_micro_credits_are_rounded_half_up(usd: str, micro: int) -> None:
    assert micro_credits(Decimal(usd), 16_000_000) == micro


def test_amounts_are_rounded_once_and_not_for_each_image() -> None:
    dust = read(Pricing, per_image("0.00000003"))

    assert micro_credits(ceiling_usd(dust, demand(images=1)), 16_000_000) == 0
    assert micro_credits(ceiling_usd(dust, demand(images=10)), 16_000_000) == 5
