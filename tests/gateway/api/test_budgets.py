"""Budgets as a client sees them. An image of `canvas` costs 640,000 micro-credits."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tintype_gateway.accounts import Budget
from tintype_testing.gateway import ACCOUNT, Gateway, canvas, running_gateway
from tintype_testing.manifests import image_model, provider_binding
from tintype_testing.metrics import metric

PRICE = 640_000


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    small = {"mode": "List", "sizes": ["256x256"]}
    other = [
        image_model("sketch", size=small),
        provider_binding(model="sketch", upstreamModel="dall-e-2"),
    ]
    async with running_gateway(tmp_path, *canvas(), *other, cors_origins=["*"]) as gateway:
        yield gateway


async def budgeted(gateway: Gateway, *budgets: Budget, time_zone: str = "UTC") -> None:
    await gateway.ledger.set_budgets(ACCOUNT, time_zone, budgets)


async def quote(gateway: Gateway, **fields: Any) -> Any:
    body = {"model": "canvas", "prompt": "a red fox"} | fields
    async with gateway.http() as http:
        return await http.post("/v1/images/quote", json=body)


async def credits(gateway: Gateway) -> Any:
    async with gateway.http() as http:
        return (await http.get("/v1/credits")).json()


async def test_a_request_beyond_a_budget_is_402_and_says_which_and_until_when(
    gateway: Gateway,
) -> None:
    await budgeted(gateway, Budget("month", 2 * PRICE - 1), time_zone="Europe/Berlin")
    await gateway.generate()

    response = await gateway.generate()

    (window,) = (await gateway.account()).windows
    assert response.status_code == 402
    assert response.headers["x-should-retry"] == "false"
    assert response.json() == {
        "error": {
            "message": "the request may cost up to 640000 micro-credits, and the account has spent"
            " 640000 of the 1279999 that it may spend in a month: the next one begins at"
            f" {window.end.isoformat()} (Europe/Berlin)",
            "type": "insufficient_quota",
            "param": None,
            "code": "budget_exceeded",
        },
        "budget": {
            "window": "month",
            "model": None,
            "limit": 2 * PRICE - 1,
            "start": window.start.isoformat(),
            "end": window.end.isoformat(),
            "spent": PRICE,
            "remaining": PRICE - 1,
            "required": PRICE,
        },
    }
    assert len(await gateway.upstream_calls()) == 1


async def test_the_sdk_sees_an_exceeded_budget_as_a_402_and_does_not_retry(
    gateway: Gateway,
) -> None:
    await budgeted(gateway, Budget("day", PRICE - 1))
    async with gateway.openai(max_retries=3) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            await client.images.generate(model="canvas", prompt="a red fox")

    assert (caught.value.status_code, caught.value.code) == (402, "budget_exceeded")


async def test_a_budget_of_a_model_leaves_other_models_alone(gateway: Gateway) -> None:
    await budgeted(gateway, Budget("week", PRICE, "canvas"))

    statuses = [
        (await gateway.generate(model=model)).status_code
        for model in ("canvas", "canvas", "sketch")
    ]
    refused = (await gateway.generate()).json()

    assert statuses == [200, 402, 200]
    assert "spend on canvas in a week" in refused["error"]["message"]


async def test_a_response_says_what_the_tightest_budget_has_left(gateway: Gateway) -> None:
    await budgeted(gateway, Budget("month", 9 * PRICE), Budget("day", 5 * PRICE, "canvas"))

    plain = await gateway.generate(headers={"Origin": "https://studio.example"})
    several = await gateway.generate(n=2)
    streamed = await gateway.generate(stream=True)
    other = await gateway.generate(model="sketch")

    left = [each.headers["Tintype-Budget-Remaining"] for each in (plain, several, streamed, other)]
    assert left == [str(4 * PRICE), str(2 * PRICE), str(PRICE), str(4 * PRICE)]
    assert "Tintype-Budget-Remaining" in plain.headers["Access-Control-Expose-Headers"]


async def test_without_a_budget_there_is_no_header(gateway: Gateway) -> None:
    await budgeted(gateway, Budget("day", PRICE, "sketch"))

    response = await gateway.generate()

    assert "Tintype-Budget-Remaining" not in response.headers


async def test_a_quote_says_what_would_remain_and_refuses_as_the_request_would(
    gateway: Gateway,
) -> None:
    await budgeted(gateway, Budget("day", 2 * PRICE), Budget("day", 9 * PRICE, "sketch"))

    affordable, beyond = await quote(gateway), await quote(gateway, n=3)
    made = await gateway.generate(n=3)

    assert affordable.json()["budget_remaining"] == PRICE
    assert (beyond.status_code, beyond.json()) == (made.status_code, made.json())
    assert beyond.json()["error"]["code"] == "budget_exceeded"
    assert await gateway.upstream_calls() == []


async def test_a_statement_shows_each_budget_with_its_window(gateway: Gateway) -> None:
    await budgeted(
        gateway,
        *(Budget("day", PRICE - 1), Budget("month", 9 * PRICE, "canvas")),
        time_zone="America/New_York",
    )
    day, month = (await gateway.account()).windows
    refused = await gateway.generate()
    await budgeted(gateway, *(each.budget for each in (month,)), time_zone="America/New_York")
    await gateway.generate()

    shown = await credits(gateway)

    assert refused.json()["budget"]["end"] == day.end.isoformat()
    assert shown["time_zone"] == "America/New_York"
    assert shown["budgets"] == [
        {
            "window": "month",
            "model": "canvas",
            "limit": 9 * PRICE,
            "start": month.start.isoformat(),
            "end": month.end.isoformat(),
            "spent": PRICE,
            "remaining": 8 * PRICE,
        }
    ]


async def test_a_request_that_fails_gives_its_budget_back(gateway: Gateway) -> None:
    await budgeted(gateway, Budget("day", PRICE))
    await gateway.script({"error": "openai/server_error"})

    failed, made = await gateway.generate(), await gateway.generate()

    assert (failed.status_code, made.status_code) == (503, 200)


async def test_of_fifty_requests_at_once_a_budget_for_three_serves_three(
    gateway: Gateway,
) -> None:
    await budgeted(gateway, Budget("day", 4 * PRICE - 1), Budget("month", 9 * PRICE, "canvas"))
    refusals = metric("tintype_budget_refusals_total", window="day")

    responses = await asyncio.gather(*(gateway.generate() for _ in range(50)))

    statuses = sorted(response.status_code for response in responses)
    assert statuses == [200] * 3 + [402] * 47
    assert len(await gateway.upstream_calls()) == 3
    assert [each.spent for each in (await gateway.account()).windows] == [3 * PRICE] * 2
    assert metric("tintype_budget_refusals_total", window="day") - refusals == 47
