"""A gateway that has no memory for more turns requests away, at no cost, and serves again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.gateway.http.raw import connected, request
from tintype_gateway.runtime.memory_budget import PASSED_ON_BYTES, Memory, MemoryBudget
from tintype_testing.gateway import Gateway, canvas, running_gateway
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

ONE_AND_A_HALF = int(1.5 * PASSED_ON_BYTES / 0.85)
BODY_BYTES = 65_000
"""Four of them have room beside that image."""

HANGING = {"hang": True}


def reserved() -> float:
    return metric("tintype_memory_reserved_bytes")


def has_reserved(size: int) -> bool:
    return reserved() == size


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with room for one image that is passed on, and no second one."""
    memory = MemoryBudget(Memory(ONE_AND_A_HALF))
    async with running_gateway(tmp_path, *canvas(), memory=memory) as gateway:
        yield gateway


@asynccontextmanager
async def one_under_way(gateway: Gateway) -> AsyncIterator[asyncio.Task[object]]:
    """Keep the gateway busy with a request whose provider does not respond."""
    await gateway.script(HANGING)
    task: asyncio.Task[object] = asyncio.create_task(gateway.generate())
    await eventually(partial(has_reserved, PASSED_ON_BYTES))
    yield task
    await end(task)


async def end(task: asyncio.Task[object]) -> None:
    """Let the client of a request leave, and wait until the gateway has let go of it."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await eventually(partial(has_reserved, 0))


@pytest.mark.parametrize("fields", [{}, {"stream": True}])
async def test_a_rejected_request_gets_a_retry_after_and_costs_nothing(
    gateway: Gateway, fields: dict[str, Any]
) -> None:
    async with one_under_way(gateway):
        before = await gateway.account()
        response = await gateway.generate(**fields)
        after = await gateway.account()

    assert (response.status_code, response.json()["error"]["code"]) == (429, "overloaded")
    assert response.headers["Retry-After"] == "5"
    assert response.headers["x-should-retry"] == "true"
    assert after == before
    assert len(await gateway.upstream_calls()) == 1


async def test_requests_that_reserve_no_memory_are_served_under_overload(gateway: Gateway) -> None:
    async with one_under_way(gateway), gateway.http() as http:
        quote = {"model": "canvas", "prompt": "a red fox"}

        assert (await http.get("/v1/models")).status_code == 200
        assert (await http.post("/v1/images/quote", json=quote)).status_code == 200


async def test_openais_sdk_retries_after_the_retry_after(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    async with one_under_way(gateway) as first, gateway.openai(max_retries=1) as client:

        async def pause(seconds: float) -> None:
            pauses.append(seconds)
            await end(first)

        monkeypatch.setattr(anyio, "sleep", pause)
        made = await client.images.generate(model="canvas", prompt="a red fox")

    assert pauses == [5.0]
    assert made.data


async def test_a_body_that_is_still_to_come_needs_room_too(gateway: Gateway) -> None:
    head = request(gateway, b"", f"Content-Length: {BODY_BYTES}", length=False)
    async with one_under_way(gateway), AsyncExitStack() as stack:
        for number in range(1, 5):
            slow = await stack.enter_async_context(connected(gateway))
            await slow.send(head)
            await eventually(partial(has_reserved, PASSED_ON_BYTES + number * BODY_BYTES))

        async with connected(gateway) as another:
            await another.send(head)
            response = await another.response()

    assert (response.status, response.error()["code"]) == (429, "overloaded")


async def test_a_body_with_too_large_a_content_length_gets_a_final_error(
    gateway: Gateway,
) -> None:
    head = request(gateway, b"", f"Content-Length: {10**12}", length=False)
    async with one_under_way(gateway), connected(gateway) as connection:
        await connection.send(head)
        response = await connection.response()

    assert response.status == 413
