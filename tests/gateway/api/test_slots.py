"""What clients notice of a binding that takes one call at a time."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.api.scripted import Script, ScriptedProvider, completed, scripted
from tintype_gateway.upstream import slots
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually, eventually_equal

BINDING = "canvas-openai"


@asynccontextmanager
async def one_slot(
    folder: Path, provider: ScriptedProvider | None = None, **spec: Any
) -> AsyncIterator[Gateway]:
    manifests = canvas(maxConcurrentCalls=1, **spec)
    simulator = None if provider is None else provider.url
    async with running_gateway(folder, *manifests, simulator=simulator) as gateway:
        yield gateway


async def test_a_plain_request_waits_for_its_turn(tmp_path: Path) -> None:
    async with one_slot(tmp_path) as gateway:
        await gateway.script({"delay_seconds": 0.2})
        responses = await asyncio.gather(*(gateway.generate() for _ in range(3)))
        assert [response.status_code for response in responses] == [200] * 3
        await eventually_equal(lambda: gateway.ledger.slot_calls([BINDING]), {BINDING: 0})


async def test_a_full_queue_is_429_with_a_time_to_come_back_and_costs_nothing(
    tmp_path: Path,
) -> None:
    async with one_slot(tmp_path, queueLimit=0) as gateway:
        await gateway.script({"delay_seconds": 2})
        served, refused = sorted(
            await asyncio.gather(gateway.generate(), gateway.generate()),
            key=lambda response: response.status_code,
        )
        account = await gateway.account()

    assert (served.status_code, refused.status_code) == (200, 429)
    error = refused.json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "provider_busy")
    assert f"({BINDING}): all 1 of its concurrent calls are in use" in error["message"]
    assert (refused.headers["Retry-After"], refused.headers["x-should-retry"]) == ("5", "true")
    assert account.balance == CREDITS_MICRO - served.json()["usage"]["credits_used"]


async def test_a_stream_tells_its_position_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "POSITION_SECONDS", 0.02)
    ready, later = asyncio.Event(), asyncio.Event()
    scripts = [Script([completed()], before=before) for before in (ready, later, None)]
    spec = {"upstreamModel": "gpt-image-2"}
    async with (
        scripted(*scripts) as provider,
        one_slot(tmp_path, provider, **spec) as gateway,
        gateway.http() as http,
    ):
        asked = [asyncio.create_task(gateway.generate(stream=True)) for _ in range(2)]
        await eventually_equal(lambda: gateway.ledger.slot_calls([BINDING]), {BINDING: 2})
        body = {"model": "canvas", "prompt": "a red fox", "stream": True}
        async with http.stream("POST", "/v1/images/generations", json=body) as response:
            lines = response.aiter_lines()
            assert await anext(lines) == ": waiting for a slot, position 2"
            ready.set()
            assert [await anext(lines), await anext(lines)] == [
                "",
                ": waiting for a slot, position 1",
            ]
            later.set()
            rest = [line async for line in lines]
        await asyncio.gather(*asked)
    assert "event: image_generation.completed" in rest
    assert not any(line.startswith(": waiting") for line in rest)


async def test_the_wait_for_a_slot_is_no_overhead_of_the_gateway(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tintype.access")
    ready = asyncio.Event()
    spec = {"upstreamModel": "gpt-image-2"}
    overhead = metric("tintype_gateway_overhead_seconds_sum")
    first = Script([completed()], before=ready)
    async with (
        scripted(first, Script([completed()])) as provider,
        one_slot(tmp_path, provider, **spec) as gateway,
    ):
        served = asyncio.create_task(gateway.generate(stream=True))
        await eventually(lambda: len(provider.bodies) == 1)
        waiting = asyncio.create_task(gateway.generate(stream=True))
        await eventually(lambda: metric("tintype_slots_waiting", binding=BINDING) == 1)
        ready.set()
        await asyncio.gather(served, waiting)
        await eventually(lambda: len(caplog.records) == 2)

    one, other = ((record.__dict__) for record in caplog.records)
    assert "queue_position" not in one
    assert (other["queue_position"], other["attempts"]) == (1, 1)
    assert other["queue_seconds"] > 0
    parts = [other[f"{part}_seconds"] for part in ("queue", "provider", "overhead")]
    assert other["seconds"] == pytest.approx(sum(parts), abs=1e-5)
    counted = metric("tintype_gateway_overhead_seconds_sum") - overhead
    assert counted == pytest.approx(one["overhead_seconds"] + other["overhead_seconds"], abs=1e-5)


async def test_a_client_that_leaves_while_it_waits_frees_its_place(tmp_path: Path) -> None:
    ready = asyncio.Event()
    async with (
        scripted(Script([completed()], before=ready)) as provider,
        one_slot(tmp_path, provider, upstreamModel="gpt-image-2") as gateway,
    ):
        served = asyncio.create_task(gateway.generate(stream=True))
        await eventually(lambda: len(provider.bodies) == 1)
        leaving = asyncio.create_task(gateway.generate(stream=True))
        await eventually_equal(lambda: gateway.ledger.slot_calls([BINDING]), {BINDING: 2})

        leaving.cancel()

        await eventually_equal(lambda: gateway.ledger.slot_calls([BINDING]), {BINDING: 1})
        ready.set()
        assert "image_generation.completed" in (await served).text


async def test_calls_go_to_the_least_loaded_of_equal_bindings(tmp_path: Path) -> None:
    model, binding = canvas(maxConcurrentCalls=1)
    other = {**binding, "metadata": {**binding["metadata"], "name": "canvas-spare"}}
    async with running_gateway(tmp_path, model, binding, other) as gateway:
        await gateway.script({"delay_seconds": 1}, {"delay_seconds": 1})
        response = await gateway.generate(n=2)
    assert sorted(response.headers["Tintype-Route"].split(", ")) == [
        "openai/global/canvas-openai",
        "openai/global/canvas-spare",
    ]
