"""What a request would cost, before it is sent; and what an account has and used."""

import datetime
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway

PRICE = 640_000


@pytest.fixture
async def canvas_gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        yield gateway


async def quote(gateway: Gateway, **fields: Any) -> Any:
    body = {"model": "gpt-image-1", "prompt": "a red fox"} | fields
    async with gateway.http() as http:
        return (await http.post("/v1/images/quote", json=body)).json()


async def credits(gateway: Gateway) -> Any:
    async with gateway.http() as http:
        return (await http.get("/v1/credits")).json()


async def test_a_quote_names_the_route_and_what_would_be_changed(gateway: Gateway) -> None:
    quoted = await quote(gateway, quality="hd", size="1000x500", style="vivid")

    assert quoted["route"] == {
        "provider": "openai",
        "region": "global",
        "binding": "gpt-image-1-openai",
    }
    assert (quoted["size"], quoted["parameters"]) == ("1536x1024", {"quality": "high"})
    assert quoted["adjustments"] == [
        "quality=hd->high",
        "style=stripped",
        "size=1000x500->1536x1024",
    ]


async def test_a_request_costs_no_more_than_its_quote_and_about_what_was_expected(
    gateway: Gateway,
) -> None:
    request: dict[str, Any] = {"model": "gpt-image-1", "quality": "low", "n": 3}

    quoted = await quote(gateway, **request)
    served = await gateway.generate(**request)

    used = served.json()["usage"]["credits_used"]
    assert used <= quoted["credits_ceiling"]
    # 272 tokens an image at 40 USD a million; 9 bytes count as 3 tokens of the prompt at 5
    assert quoted["credits_expected"] == (3 * (272 * 40 + 3 * 5) * 16)
    assert abs(used - quoted["credits_expected"]) < 1000


async def test_a_quality_that_the_provider_chooses_has_no_expected_price(
    gateway: Gateway,
) -> None:
    quoted = await quote(gateway, quality="auto")

    assert quoted["credits_expected"] is None
    assert quoted["credits_ceiling"] > 0


async def test_a_quote_calls_no_provider_and_holds_nothing(gateway: Gateway) -> None:
    before = await gateway.account()

    await quote(gateway)

    assert await gateway.upstream_calls() == []
    assert await gateway.account() == before


async def test_a_quote_has_the_errors_of_the_request(gateway: Gateway) -> None:
    quoted = await quote(gateway, model="dall-e-3")

    assert quoted["error"]["code"] == "no_active_providers"


async def test_a_statement_shows_balance_and_this_months_use_by_model(
    canvas_gateway: Gateway,
) -> None:
    await canvas_gateway.generate(n=2)
    await canvas_gateway.generate()

    today = datetime.datetime.now(datetime.UTC).date()
    assert await credits(canvas_gateway) == {
        "object": "credits",
        "account": "studio",
        "unlimited": False,
        "balance": CREDITS_MICRO - 3 * PRICE,
        "held": 0,
        "credits_remaining": CREDITS_MICRO - 3 * PRICE,
        "micro_credits_per_usd": 16_000_000,
        "calls_per_minute": 600,
        "time_zone": "UTC",
        "budgets": [],
        "usage": {
            "since": today.replace(day=1).isoformat(),
            "models": [{"model": "canvas", "requests": 2, "images": 3, "credits_used": 3 * PRICE}],
        },
    }


async def test_a_statement_needs_a_key(canvas_gateway: Gateway) -> None:
    async with canvas_gateway.http() as http:
        response = await http.get("/v1/credits", headers={"Authorization": "Bearer nobody"})

    assert response.status_code == 401
