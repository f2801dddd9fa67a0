"""The starter catalog against the figures that OpenAI published."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tintype_catalog.costs import Demand, call_usd, ceiling_usd, image_tokens, micro_credits
from tintype_catalog.input_tokens import input_image_tokens
from tintype_catalog.pricing import Pricing
from tintype_catalog.sizes import Size
from tintype_testing.manifests import STARTER, compiled, read_manifests

PRICES = {
    binding.upstream_model: binding.pricing
    for binding in compiled(*read_manifests(STARTER)).bindings
}

FIRST = ("gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5")
SECOND = ("gpt-image-2",)
THIRD = ("gpt-image-2.5-flare", "gpt-image-2.5-sunburst")
FOURTH = ("gpt-image-2.6-flare", "gpt-image-2.6-sunburst")

# Output tokens of one image: models, size, then each quality from `low` on.
TOKENS = """
    1st  1024x1024    272  1056  4160
    1st  1024x1536    408  1584  6240
    1st  1536x1024    400  1568  6208
    2nd  1024x1024    196  1756  7024
    2nd  1536x1024    158  1372  5488
    2nd  1024x1536    158  1372  5488
    2nd  1536x864     120  1078  4312
    2nd  2048x1152    157  1413  5650
    2nd  2048x2048    397  3568 14272
    2nd  3840x2160    371  3336 13342
    3rd  1024x1024    196   439  1756  3122  7024
    3rd  1536x1024    158   343  1372  2459  5488
    3rd  1024x1536    158   343  1372  2459  5488
    3rd  1536x864     120   280  1078  1917  4312
    3rd  2048x1152    157   367  1413  2511  5650
    3rd  2048x2048    397   892  3568  6343 14272
    3rd  3840x2160    371   865  3336  5930 13342
"""


def cells() -> Iterator[tuple[str, str, str, int]]:
    generations = {"1st": FIRST, "2nd": SECOND, "3rd": THIRD}
    for line in TOKENS.strip().splitlines():
        generation, size, *counts = line.split()
        for quality, count in zip(["low", "medium", "high", "xhigh", "max"], counts, strict=False):
            for model in generations[generation]:
                yield model, size, quality, int(count)


def one(size: str, quality: str | None = None) -> Demand:
    return Demand(1, 1, 0, Size.parse(size), None, quality)


@pytest.mark.parametrize(("model", "size", "quality", "count"), list(cells()))
def test_an_image_takes_as_many_tokens_as_openai_says(
    model: str, size: str, quality: str, count: int
) -> None:
    assert image_tokens(PRICES[model], Size.parse(size), quality, None) == count


@pytest.mark.parametrize(
    ("model", "size", "quality", "usd"),
    [
        ("gpt-image-2", "1024x1024", "low", "0.006"),
        ("gpt-image-2", "1024x1024", "medium", "0.053"),
        ("gpt-image-2", "1024x1024", "high", "0.211"),
        ("gpt-image-1.5", "1024x1024", "low", "0.009"),
        ("gpt-image-1.5", "1024x1024", "medium", "0.034"),
        ("gpt-image-1.5", "1024x1024", "high", "0.133"),
        ("gpt-image-1.5", "1536x1024", "low", "0.013"),
        ("gpt-image-1.5", "1024x1536", "medium", "0.051"),
        ("gpt-image-1.5", "1024x1536", "high", "0.200"),
        ("gpt-image-1", "1024x1024", "low", "0.011"),
        ("gpt-image-1", "1024x1024", "medium", "0.042"),
        ("gpt-image-1", "1024x1536", "low", "0.016"),
        ("gpt-image-1", "1024x1536", "medium", "0.063"),
        ("gpt-image-1", "1024x1536", "high", "0.250"),
    ],
)
def test_the_tokens_of_an_image_cost_what_openai_says_an_image_costs(
    model: str, size: str, quality: str, usd: str
) -> None:
    cost = call_usd(PRICES[model], one(size, quality), [Size.parse(size)], None)

    assert round(cost, 3) == Decimal(usd)


@pytest.mark.parametrize(
    ("model", "size", "quality", "usd"),
    [
        ("dall-e-2", "256x256", None, "0.016"),
        ("dall-e-2", "512x512", None, "0.018"),
        ("dall-e-2", "1024x1024", None, "0.020"),
        ("dall-e-3", "1024x1024", "standard", "0.040"),
        ("dall-e-3", "1792x1024", "standard", "0.080"),
        ("dall-e-3", "1024x1792", "standard", "0.080"),
        ("dall-e-3", "1024x1024", "hd", "0.080"),
        ("dall-e-3", "1792x1024", "hd", "0.120"),
        ("dall-e-3", "1024x1792", "hd", "0.120"),
    ],
)
def test_an_image_of_dall_e_costs_what_openai_last_asked(
    model: str, size: str, quality: str | None, usd: str
) -> None:
    assert ceiling_usd(PRICES[model], one(size, quality)) == Decimal(usd)


def test_a_standard_square_of_dall_e_3_costs_640000_micro_credits() -> None:
    usd = ceiling_usd(PRICES["dall-e-3"], one("1024x1024", "standard"))

    assert micro_credits(usd, 16_000_000) == 640_000


@pytest.mark.parametrize(
    ("models", "per_million"),
    [
        (("gpt-image-1",), ("5", "10", "40", "0", "1.25", "2.5")),
        (("gpt-image-1-mini",), ("2", "2.5", "8", "0", "0.20", "0.25")),
        (("gpt-image-1.5",), ("5", "8", "32", "10", "1.25", "2")),
        (SECOND + THIRD, ("5", "8", "30", "10", "1.25", "2")),
        (FOURTH, ("5", "8", "30", "10", None, None)),
    ],
)
def test_a_million_tokens_cost_what_openai_asks(
    models: tuple[str, ...], per_million: tuple[str | None, ...]
) -> None:
    for model in models:
        prices = PRICES[model].per_million_tokens
        assert prices is not None
        assert (
            *(prices.text_input, prices.image_input, prices.image_output, prices.text_output),
            *(prices.cached_text_input, prices.cached_image_input),
        ) == per_million


@pytest.mark.parametrize(
    ("model", "size", "is_high", "usd"),
    [
        ("gpt-image-2", "1024x1024", False, "0.0082"),
        ("gpt-image-2", "1536x1024", False, "0.0123"),
        ("gpt-image-2.6-flare", "1536x1024", False, "0.0123"),
        ("gpt-image-1.5", "1024x1024", False, "0.0016"),
        ("gpt-image-1.5", "1024x1024", True, "0.0348"),
        ("gpt-image-1.5", "2048x512", False, "0.0046"),
        ("gpt-image-1.5", "2048x512", True, "0.0546"),
        ("gpt-image-1", "1024x1024", False, "0.0019"),
        ("gpt-image-1", "1024x1024", True, "0.0435"),
        ("gpt-image-1-mini", "1024x1024", False, "0.0005"),
        ("gemini-3-pro-image", "1024x1024", False, "0.0011"),
        ("gemini-3.1-flash-image", "1024x1024", False, "0.0006"),
        ("gemini-3.1-flash-lite-image", "1024x1024", False, "0.0003"),
    ],
)
def test_an_input_image_costs_what_follows_from_the_published_figures(
    model: str, size: str, is_high: bool, usd: str
) -> None:
    pricing = PRICES[model]
    assert pricing.input_image_tokens is not None
    assert pricing.per_million_tokens is not None
    count = input_image_tokens(pricing.input_image_tokens, Size.parse(size), is_high)

    cost = count * Decimal(pricing.per_million_tokens.image_input) / 1_000_000

    assert round(cost, 4) == Decimal(usd)


def test_every_price_holds_a_partial_image_at_100_tokens() -> None:
    streaming = [PRICES[model] for model in (*FIRST, *SECOND, *THIRD)]

    assert all(pricing.tokens_per_partial_image == 100 for pricing in streaming)


def test_auto_is_held_at_the_largest_image_that_gpt_image_2_makes() -> None:
    pricing: Pricing = PRICES["gpt-image-2"]
    open_demand = Demand(1, 1, 0, None, 8_294_400, "auto")
    largest = call_usd(pricing, one("2880x2880", "high"), [Size(2880, 2880)], None)

    assert ceiling_usd(pricing, open_demand) == largest
