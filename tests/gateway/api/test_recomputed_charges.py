"""What a response says it cost can be computed again from its own counts and the public price."""

import json
from collections.abc import AsyncIterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from tintype_testing.gateway import Gateway, running_gateway

BY_TOKEN = [
    *("gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2"),
    *("gpt-image-2.5-flare", "gpt-image-2.5-sunburst"),
    *("gpt-image-2.6-flare", "gpt-image-2.6-sunburst"),
    *("gemini-2.5-flash-image", "gemini-3-pro-image"),
    *("gemini-3.1-flash-image", "gemini-3.1-flash-lite-image"),
]
TEXT_TOO = "a red fox, with-thoughts"
"""A prompt at which a Gemini model thinks, and so uses text tokens as well."""


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, unlimited=True) as gateway:
        yield gateway


async def asked(gateway: Gateway, path: str) -> Any:
    async with gateway.http() as http:
        return (await http.get(path)).json()


async def recomputed(gateway: Gateway, model: str, usages: Sequence[dict[str, Any]]) -> int:
    """Return the micro-credits that these counts cost together, as docs/api.md says."""
    price = (await asked(gateway, f"/v1/models/{model}"))["cost"]["per_million_tokens"]
    per_usd = (await asked(gateway, "/v1/credits"))["micro_credits_per_usd"]
    usd = sum(
        Decimal(price.get(f"{kind}_{way}", "0")) * usage[f"{way}_tokens_details"][f"{kind}_tokens"]
        for usage in usages
        for kind in ("text", "image")
        for way in ("input", "output")
    )
    return int((usd * per_usd / 1_000_000).to_integral_value(ROUND_HALF_UP))


async def test_no_model_with_a_price_by_token_is_left_out(gateway: Gateway) -> None:
    models = (await asked(gateway, "/v1/models"))["data"]

    assert {
        model["id"] for model in models if model["active"] and model["cost"]["type"] == "per_token"
    } == set(BY_TOKEN)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("model", BY_TOKEN)
async def test_a_charge_is_that_of_the_counts(gateway: Gateway, model: str, count: int) -> None:
    response = await gateway.generate(model=model, prompt=TEXT_TOO, n=count)

    usage = response.json()["usage"]
    assert usage["credits_used"] == await recomputed(gateway, model, [usage]) > 0
    for way in ("input", "output"):
        assert usage[f"{way}_tokens"] == sum(usage[f"{way}_tokens_details"].values())


@pytest.mark.parametrize("model", BY_TOKEN)
async def test_a_streams_charge_is_that_of_the_counts_of_its_events(
    gateway: Gateway, model: str
) -> None:
    response = await gateway.generate(
        model=model, prompt=TEXT_TOO, n=2, stream=True, partial_images=1
    )

    lines = [line for line in response.text.splitlines() if line.startswith("data: ")]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    usages = [each["usage"] for each in events if each["type"].endswith("completed")]
    assert len(usages) == 2
    total = sum(usage["credits_used"] for usage in usages)
    assert total == await recomputed(gateway, model, usages) > 0


async def test_text_that_a_model_wrote_is_part_of_the_bill(gateway: Gateway) -> None:
    response = await gateway.generate(model="gemini-3-pro-image", prompt=TEXT_TOO)

    usage = response.json()["usage"]
    assert usage["output_tokens_details"]["text_tokens"] > 0
    without = usage | {"output_tokens_details": usage["output_tokens_details"] | {"text_tokens": 0}}
    assert await recomputed(gateway, "gemini-3-pro-image", [without]) < usage["credits_used"]
