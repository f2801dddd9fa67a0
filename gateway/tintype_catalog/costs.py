"""Computes the ceiling and the cost of a request from a price.

Amounts are exact decimals of USD. One rounding (half up) at the end converts them to micro-credits.
"""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from itertools import islice
from typing import NamedTuple, TypeGuard, TypeVar

from tintype_catalog.input_tokens import NO_INPUTS, Inputs, input_text_tokens, input_tokens
from tintype_catalog.pricing import Bracket, OutputTokens, Pricing
from tintype_catalog.sizes import Size

AUTO = "auto"
_MILLION = 1_000_000
_MEGAPIXEL = 1024 * 1024
"""A megapixel of prices with `firstUsd`, of which a square of 1024 pixels has one."""

MAX_REPORTED_USD = Decimal(1000)
"""More than any call for images costs. A report above it is a defect, and does not count."""

_Row = TypeVar("_Row", bound=Bracket)


class Demand(NamedTuple):
    """The properties of a request that determine its price."""

    images: int
    """The total number of images."""

    calls: int
    """Calls to the provider. Each call pays for the prompt; with input images each image does."""

    prompt_bytes: int
    """The length of all texts sent, in UTF-8 bytes. One token is at least one byte."""

    size: Size | None
    """The size of each image, or None if the provider chooses it."""

    max_pixels: int | None
    """The largest image that the provider could choose."""

    quality: str | None
    """The provider's name of the quality; None or `auto` if the provider chooses it."""

    partial_images: int = 0
    """Partial images of a stream, for each image."""

    inputs: Inputs = NO_INPUTS
    """The images that come with the request."""


class TokenUsage(NamedTuple):
    """The tokens that a provider reports for one call."""

    text_input: int
    image_input: int
    image_output: int
    text_output: int
    cached_text_input: int = 0
    """The tokens of `text_input` that came from the provider's cache."""

    cached_image_input: int = 0
    """The tokens of `image_input` that came from the provider's cache."""


def ceiling_usd(pricing: Pricing, demand: Demand) -> Decimal:
    """Return the ceiling of the cost of `demand`, in USD."""
    if pricing.first_usd is not None:
        pixels = demand.max_pixels if demand.size is None else demand.size.pixels
        return demand.images * _by_megapixel_usd(pricing, pixels, demand.inputs)
    if pricing.max_usd is not None:
        return demand.images * Decimal(pricing.max_usd)
    if pricing.type != "per_token":
        return demand.images * _image_usd(pricing, demand.size, demand)
    output = image_tokens(pricing, demand.size, demand.quality, demand.max_pixels)
    output += demand.partial_images * pricing.tokens_per_partial_image
    usage = _usage(pricing, demand, demand.prompt_bytes, demand.calls, demand.images)
    return _tokens_usd(
        pricing,
        usage._replace(
            image_output=demand.images * output,
            text_output=demand.calls * pricing.max_other_output_tokens,
        ),
    )


def expected_usd(pricing: Pricing, demand: Demand, size: Size) -> Decimal:
    """Return the expected cost of `demand` with images of this size, in USD.

    Images count at the table's figures, and the prompt at a token for four bytes, OpenAI's own
    rule of thumb for English.
    """
    if pricing.type != "per_token":
        return _bounded(demand.images * _image_usd(pricing, size, demand), pricing, demand)
    prompt = -(-demand.prompt_bytes // 4)
    usage = _usage(pricing, demand, prompt, demand.calls, demand.images)
    output = _output_tokens(pricing, demand, [size] * demand.images)
    return _bounded(_tokens_usd(pricing, usage._replace(image_output=output)), pricing, demand)


def _bounded(usd: Decimal, pricing: Pricing, demand: Demand) -> Decimal:
    return usd if pricing.max_usd is None else min(usd, demand.images * Decimal(pricing.max_usd))


def call_usd(
    pricing: Pricing,
    demand: Demand,
    sizes: Sequence[Size],
    usage: TokenUsage | None,
    milliseconds: int = 0,
) -> Decimal:
    """Return the cost of one call by the price's own figures, in USD.

    `sizes` are those of the delivered images, and `milliseconds` the time that the provider took.
    Without `usage`, a price by token is computed from the table's figures.
    """
    if pricing.type == "per_second":
        spent = Decimal(pricing.usd or 0) * milliseconds / 1000
        return min(spent, len(sizes) * Decimal(pricing.max_usd or 0))
    if pricing.type != "per_token":
        return sum((_image_usd(pricing, size, demand) for size in sizes), Decimal(0))
    if usage is None:
        usage = _usage(pricing, demand, demand.prompt_bytes, min(len(sizes), 1), len(sizes))
        usage = usage._replace(image_output=_output_tokens(pricing, demand, sizes))
    return _tokens_usd(pricing, usage)


def is_usable(reported: Decimal | None) -> TypeGuard[Decimal]:
    """Return whether what a provider reports that a call cost, in USD, can be charged.

    Nothing does not count: an image costs something, and an unset number reads as 0.
    """
    return reported is not None and reported.is_finite() and 0 < reported <= MAX_REPORTED_USD


def reported_usd(pricing: Pricing, reported: Decimal | None) -> Decimal | None:
    """Return the report that a call is charged at, or None where the price's own figures count."""
    return reported if pricing.charge == "Reported" and is_usable(reported) else None


def _usage(
    pricing: Pricing, demand: Demand, prompt_tokens: int, calls: int, images: int
) -> TokenUsage:
    """Return the input of so many calls for so many images in all.

    OpenAI is said to charge a call for several images with input images as so many calls.
    """
    times = images if demand.inputs.sizes else calls
    return TokenUsage(
        text_input=times * (prompt_tokens + input_text_tokens(demand.inputs)),
        image_input=times * input_tokens(pricing.input_image_tokens, demand.inputs),
        image_output=0,
        text_output=0,
    )


def _output_tokens(pricing: Pricing, demand: Demand, sizes: Sequence[Size]) -> int:
    """Return the tokens of delivered images and their previews, at the table's figures."""
    images = sum(image_tokens(pricing, size, demand.quality, size.pixels) for size in sizes)
    return images + len(sizes) * demand.partial_images * pricing.tokens_per_partial_image


def micro_credits(usd: Decimal, per_usd: int) -> int:
    """Return an amount of USD in micro-credits, `per_usd` for each USD, rounded half up."""
    return int((usd * per_usd).to_integral_value(ROUND_HALF_UP))


def image_tokens(
    pricing: Pricing, size: Size | None, quality: str | None, largest: int | None
) -> int:
    """Return the output tokens of one image; the maximum if size or quality is open.

    `largest` is the most pixels of an image of open size. A size without a row, which only a
    provider can choose, counts as the maximum of its quality.
    """
    tokens = pricing.output_tokens
    return 0 if tokens is None else _tokens_of_image(tokens, size, quality, largest)


@lru_cache(maxsize=4096)  # three times a request, and clients ask for few sizes
def _tokens_of_image(
    tokens: OutputTokens, size: Size | None, quality: str | None, largest: int | None
) -> int:
    if tokens.table:
        fitting = [*rows(tokens.table, size, quality)] or rows(tokens.table, None, quality)
        return max(row.tokens for row in fitting)
    factors = _factors(tokens, quality)
    return max(_formula(factor, size, largest or 2**32) for factor in factors)


def rows(table: Sequence[_Row], size: Size | None, quality: str | None) -> Iterator[_Row]:
    """Yield the rows that may apply: for each possible quality the first that covers the size.

    If the size is open, every row of these qualities may apply.
    """
    is_open = quality in (None, AUTO)
    for name in dict.fromkeys(row.quality for row in table) if is_open else [quality]:
        fitting = (row for row in table if row.quality in (None, name))
        if size is None:
            yield from fitting
        else:
            yield from islice((row for row in fitting if row.covers(size)), 1)


def _factors(tokens: OutputTokens, quality: str | None) -> list[int]:
    if quality is None or quality == AUTO:
        return list(tokens.factors.values())
    return [tokens.factors[quality]]


def _formula(factor: int, size: Size | None, largest: int) -> int:
    if size is None:  # the shorter edge is at most the longer one
        grid, pixels = factor, largest
    else:
        long, short = max(size), min(size)
        grid, pixels = (2 * factor * short + long) // (2 * long), size.pixels
    return -(-factor * grid * (2 * _MILLION + pixels) // (4 * _MILLION))


def _image_usd(pricing: Pricing, size: Size | None, demand: Demand) -> Decimal:
    """Return the price of one image, and of the images that the request has for it."""
    if pricing.type == "per_megapixel" and pricing.max_usd is not None:
        most = Decimal(pricing.max_usd)
        if size is None:
            return most
        if pricing.first_usd is not None:
            return _by_megapixel_usd(pricing, size.pixels, demand.inputs)
        return min(Decimal(pricing.usd or 0) * size.pixels / _MILLION, most)
    if pricing.usd is not None:
        return Decimal(pricing.usd)
    return max(Decimal(row.usd) for row in rows(pricing.prices, size, demand.quality))


def _by_megapixel_usd(pricing: Pricing, pixels: int | None, inputs: Inputs) -> Decimal:
    """Return the price of an image by whole megapixels; that of the largest one if it is open."""
    most = Decimal(pricing.max_usd or 0)
    if pixels is None:
        return most
    further = max(_megapixels(pixels) - 1, 0)
    output = Decimal(pricing.first_usd or 0) + further * Decimal(pricing.usd or 0)
    taken = sum(_megapixels(size.pixels) for size in inputs.sizes)
    return min(output + taken * Decimal(pricing.input_usd or 0), most)


def _megapixels(pixels: int) -> int:
    return -(-pixels // _MEGAPIXEL)


def _tokens_usd(pricing: Pricing, usage: TokenUsage) -> Decimal:
    price = pricing.per_million_tokens
    if price is None:
        return Decimal(0)
    parts = (
        (usage.text_input - usage.cached_text_input, price.text_input),
        (usage.cached_text_input, price.cached_text_input or price.text_input),
        (usage.image_input - usage.cached_image_input, price.image_input),
        (usage.cached_image_input, price.cached_image_input or price.image_input),
        (usage.image_output, price.image_output),
        (usage.text_output, price.text_output),
    )
    usd = sum((tokens * Decimal(each) for tokens, each in parts if tokens), Decimal(0))
    return usd / _MILLION
