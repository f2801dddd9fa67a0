"""What a job may cost at most, what its calls did cost, and what they probably will."""

from typing import Any

import pytest

from tintype_catalog.costs import TokenUsage
from tintype_catalog.pricing import Pricing
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.billing.cost import ceiling, cost, expected
from tintype_gateway.values.events import FinishedCall
from tintype_gateway.values.images import CallResult
from tintype_gateway.values.job import Job
from tintype_testing.builders import delivered, job, model, priced, route
from tintype_testing.manifests import (
    Manifest,
    by_size,
    by_size_quality,
    per_image,
    per_token,
    price,
    qualities,
    read,
    tokens,
)

PER_USD = 16_000_000
SQUARE = Size(1024, 1024)
KNOWN = qualities(low="low", medium="medium", high="high")


def costs(pricing: Manifest, *calls: FinishedCall, asked: Job | None = None, **spec: Any) -> int:
    asked = asked or job(images=len(calls))
    paid = [priced(call, read(Pricing, pricing)) for call in calls]
    return cost(asked, model(**spec), paid, PER_USD)


def test_a_flat_price_counts_the_images_of_all_calls() -> None:
    calls = [delivered([SQUARE]), delivered([SQUARE, SQUARE])]
    assert costs(per_image("0.040"), *calls) == 3 * 640_000


def test_a_price_by_size_is_that_of_the_image_itself() -> None:
    table = by_size(price("0.02", maxPixels=500_000), price("0.04"))
    assert costs(table, delivered([Size(512, 512)])) == 320_000
    assert costs(table, delivered([SQUARE])) == 640_000


def test_a_quality_that_the_provider_chose_has_its_own_price() -> None:
    table = by_size_quality(price("0.02", quality="low"), price("0.08", quality="high"))
    asked = job(quality="auto")
    assert costs(table, delivered([SQUARE], quality="low"), asked=asked) == 320_000
    assert costs(table, delivered([SQUARE], quality="high"), asked=asked) == 1_280_000


@pytest.mark.parametrize(
    "pricing",
    [
        by_size_quality(price("0.02", quality="low"), price("0.08", quality="high")),
        per_token(factors={"low": 16, "high": 96}),
        per_token(table=[tokens(272, quality="low"), tokens(4160, quality="high")]),
    ],
    ids=["by quality", "by formula", "by token table"],
)
def test_an_unpriced_quality_is_charged_as_the_requested_one(
    pricing: Manifest,
) -> None:
    asked = job(quality="low")
    known, unknown = (
        costs(pricing, delivered([SQUARE], quality=quality), asked=asked)
        for quality in ("low", "ultra")
    )
    assert known == unknown > 0


def test_tokens_cost_what_the_provider_counted() -> None:
    usage = TokenUsage(text_input=100, image_input=10, image_output=1000, text_output=20)
    usd_per_million = 100 * 5 + 10 * 8 + 1000 * 30 + 20 * 10
    assert costs(per_token(), delivered([SQUARE], usage=usage)) == usd_per_million * 16


def test_uncounted_tokens_cost_what_the_table_says() -> None:
    asked = job(prompt="Igel 🦔", quality="low")
    table = per_token(table=[tokens(272, quality="low"), tokens(4160, quality="high")])
    assert costs(table, delivered([SQUARE]), asked=asked) == (9 * 5 + 272 * 30) * 16


def test_uncounted_previews_cost_what_the_table_says_of_those_that_came() -> None:
    asked = job(prompt="", quality="low", streamed=True, partial_images=3)
    table = per_token(table=[tokens(272, quality="low")], tokensPerPartialImage=100)
    assert costs(table, delivered([SQUARE], partial_images=2), asked=asked) == 472 * 30 * 16


def test_fractions_are_added_before_they_are_rounded() -> None:
    calls = [delivered([SQUARE])] * 3
    assert costs(per_image("0.000000025"), *calls) == 1  # 3 x 0.4 micro-credits


def test_a_call_whose_images_were_all_refused_costs_nothing() -> None:
    usage = TokenUsage(100, 0, 1000, 0)
    refused = FinishedCall(0, 1, route(), CallResult((), usage=usage), (), refused=1)
    assert costs(per_token(), refused) == 0
    assert costs(per_image("1"), refused, delivered([SQUARE])) == PER_USD


def test_the_ceiling_pays_the_prompt_once_for_each_call() -> None:
    asked = job(images=5, prompt="x" * 100, negative_prompt="y" * 50, quality="low")
    pricing = read(Pricing, per_token(table=[tokens(0, quality="low")]))
    spec = model(limits={"maxImagesPerCall": 2}, parameters=KNOWN)
    assert ceiling(asked, spec, pricing, PER_USD) == 3 * 150 * 5 * 16


def test_ceiling_and_expectation_cover_the_previews_and_prompts_of_a_stream() -> None:
    asked = job(prompt="x" * 100, images=3, quality="low", streamed=True, partial_images=2)
    table = per_token(table=[tokens(272, quality="low")], tokensPerPartialImage=100)
    spec = model(limits={"maxImagesPerCall": 10}, parameters=KNOWN)
    given = spec, read(Pricing, table), PER_USD
    assert ceiling(asked, *given) == (3 * 100 * 5 + 3 * 472 * 30) * 16
    assert expected(asked, *given) == (3 * 25 * 5 + 3 * 472 * 30) * 16


@pytest.mark.parametrize("asked", [job(size=SizeChoice()), job(quality="auto"), job()])
def test_there_is_no_estimate_if_the_provider_chooses_the_price(asked: Job) -> None:
    pricing = read(Pricing, per_token())
    assert expected(asked, model(parameters=KNOWN), pricing, PER_USD) is None
