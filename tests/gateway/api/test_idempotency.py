"""`Idempotency-Key`: the same request is never paid twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway

PRICE = 640_000


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        yield gateway


async def send(gateway: Gateway, **fields: Any) -> httpx2.Response:
    """Ask for an image, always with the same idempotency key."""
    return await gateway.generate({"Idempotency-Key": "order-17"}, **fields)


async def test_a_repeat_is_refused_with_the_id_and_the_cost_of_the_first_request(
    gateway: Gateway,
) -> None:
    first = await send(gateway)
    repeat = await send(gateway)

    error = repeat.json()["error"]
    assert (repeat.status_code, error["code"]) == (409, "idempotency_replay_unavailable")
    assert first.headers["x-request-id"] in error["message"]
    assert str(PRICE) in error["message"]
    assert repeat.headers["x-should-retry"] == "false"
    assert (await gateway.account()).balance == CREDITS_MICRO - PRICE
    assert len(await gateway.upstream_calls()) == 1


async def test_the_key_of_another_request_is_refused(gateway: Gateway) -> None:
    await send(gateway, prompt="a red fox")
    other = await send(gateway, prompt="a blue fox")

    assert other.status_code == 409
    assert other.json()["error"]["code"] == "idempotency_mismatch"
    assert other.headers["x-should-retry"] == "false"


async def test_a_repeat_during_the_first_request_gets_a_conflict(gateway: Gateway) -> None:
    await gateway.script({"delay_seconds": 2})
    first, second = await asyncio.gather(send(gateway), send(gateway))

    served, refused = sorted((first, second), key=lambda response: response.status_code)
    assert served.status_code == 200
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "idempotency_in_progress"
    assert int(refused.headers["Retry-After"]) > 0
    assert (await gateway.account()).balance == CREDITS_MICRO - PRICE


@pytest.mark.parametrize(
    "error",
    ["server_is_overloaded", "rate_limit_exceeded", "invalid_api_key", "model_deprecated"],
)
async def test_a_request_that_was_not_processed_may_be_sent_again(
    gateway: Gateway, error: str
) -> None:
    await gateway.script({"error": f"openai/{error}", "headers": {"retry-after": "60"}})

    statuses = [(await send(gateway)).status_code for _ in range(2)]

    assert statuses == [503, 200]


async def test_the_keys_of_two_accounts_have_nothing_to_do_with_each_other(
    gateway: Gateway,
) -> None:
    await gateway.ledger.create_account("other", credits_micro=PRICE)
    _, key = await gateway.ledger.create_key("other")
    await send(gateway)

    response = await gateway.generate(
        {"Idempotency-Key": "order-17", "Authorization": f"Bearer {key}"}
    )

    assert response.status_code == 200


async def test_without_a_key_the_same_request_is_served_and_paid_again(gateway: Gateway) -> None:
    statuses = [(await gateway.generate()).status_code for _ in range(2)]

    assert statuses == [200, 200]
    assert (await gateway.account()).balance == CREDITS_MICRO - 2 * PRICE
