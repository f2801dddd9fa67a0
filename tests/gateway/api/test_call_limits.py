"""All calls of an account are counted, except paid requests."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tintype_gateway.ledger.interface import Policy
from tintype_gateway.storage.image_tools import ImageTools
from tintype_testing.gateway import ACCOUNT, Gateway, canvas, running_gateway
from tintype_testing.image_stores import folder_store

BODY = {"model": "canvas", "prompt": "a red fox"}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway whose account may make three calls a minute."""
    images = ImageTools(store=folder_store(tmp_path))
    async with running_gateway(tmp_path, *canvas(), images=images) as gateway:
        await gateway.ledger.set_policy(ACCOUNT, Policy(calls_per_minute=3))
        yield gateway


async def statuses(gateway: Gateway, *requests: tuple[str, str, object]) -> list[int]:
    async with gateway.http() as http:
        return [(await http.request(m, path, json=body)).status_code for m, path, body in requests]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/images/quote", BODY, 200),
        ("GET", "/v1/models", None, 200),
        ("GET", "/v1/models/canvas", None, 200),
        ("GET", "/v1/credits", None, 200),
        ("POST", "/v1/images/generations", BODY | {"n": 99}, 422),
        ("POST", "/v1/images/generations", BODY | {"model": "none"}, 404),
    ],
)
async def test_every_call_that_buys_nothing_counts(
    gateway: Gateway, method: str, path: str, body: object, status: int
) -> None:
    assert await statuses(gateway, *[(method, path, body)] * 5) == [status] * 3 + [429] * 2


async def test_calls_of_all_kinds_count_together(gateway: Gateway) -> None:
    asked = [("POST", "/v1/images/quote", BODY), ("GET", "/v1/models", None)] * 2

    assert await statuses(gateway, *asked) == [200, 200, 200, 429]


@pytest.mark.parametrize("fields", [{}, {"stream": True}, {"n": 2}])
async def test_paid_requests_do_not_count(gateway: Gateway, fields: dict[str, object]) -> None:
    bought = [("POST", "/v1/images/generations", BODY | fields)] * 6

    assert await statuses(gateway, *bought) == [200] * 6


async def test_a_purchase_that_cannot_be_paid_counts(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *canvas(), credits_micro=1) as gateway:
        await gateway.ledger.set_policy(ACCOUNT, Policy(calls_per_minute=3))

        assert [(await gateway.generate()).status_code for _ in range(4)] == [402, 402, 402, 429]


async def test_repeats_count(gateway: Gateway) -> None:
    async def send() -> httpx2.Response:
        return await gateway.generate({"Idempotency-Key": "order-17"})

    assert [(await send()).status_code for _ in range(6)] == [200, 200, 200, 200, 429, 429]


async def test_an_account_over_its_call_limit_cannot_generate(gateway: Gateway) -> None:
    await statuses(gateway, *[("GET", "/v1/models", None)] * 3)

    refused = await gateway.generate()

    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert refused.json()["error"]["message"] == "the account may make 3 calls a minute"
    assert 0 < int(refused.headers["Retry-After"]) <= 20
    assert refused.headers["x-should-retry"] == "true"
    assert await gateway.upstream_calls() == []


async def test_by_default_an_account_makes_ten_calls_for_each_request(gateway: Gateway) -> None:
    await gateway.ledger.set_policy(ACCOUNT, Policy(requests_per_minute=1))

    assert await statuses(gateway, *[("GET", "/v1/models", None)] * 11) == [200] * 10 + [429]


async def test_the_error_names_the_limit(gateway: Gateway) -> None:
    async with gateway.http() as http:
        assert (await http.get("/v1/credits")).json()["calls_per_minute"] == 3
