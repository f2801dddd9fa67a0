"""A model with two bindings: what its clients notice while one of them fails."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.api.scripted import Script, event, partial_image, scripted
from tintype_gateway.upstream.circuit_breaker import Circuits
from tintype_gateway.upstream.retry import Retrier
from tintype_simulator.app import running
from tintype_testing.cluster.processes import free_ports
from tintype_testing.gateway import CREDITS_MICRO, Gateway, running_gateway
from tintype_testing.http import http_client
from tintype_testing.manifests import image_model, per_image, provider_binding
from tintype_testing.metrics import metric

BUSY = {"error": "openai/server_is_overloaded"}
FIRST, SECOND = "openai/global/first", "openai/global/second"
PRICE, DEARER = 640_000, 960_000
CALLS = 200
AT_ONCE = 10


@asynccontextmanager
async def two_bindings(
    folder: Path,
    first: str | None = None,
    *,
    seconds: Callable[[], float] = time.monotonic,
    size: str = "256x256",
    **spec: Any,
) -> AsyncIterator[tuple[Gateway, str]]:
    """Run a gateway whose binding `first` is cheap and preferred, and a simulator for `second`."""
    spec = {"upstreamModel": "dall-e-2"} | spec
    async with running() as own, running() as other:
        manifests = [
            image_model(size={"mode": "List", "sizes": [size]}),
            provider_binding("first", endpoint=first or own, **spec),
            provider_binding(
                "second", endpoint=other, priority=1, **spec | {"pricing": per_image("0.060")}
            ),
        ]
        retrier = Retrier(circuits=Circuits(seconds), draw=lambda: 0.0)
        async with running_gateway(folder, *manifests, simulator=own, retrier=retrier) as gateway:
            yield gateway, other


async def calls_to(simulator: str) -> int:
    async with http_client(simulator) as http:
        return len((await http.get("/_simulator/requests")).json())


async def ask_often(gateway: Gateway) -> dict[int, int]:
    """Send many requests, a few at once, and return how many ended with each status."""
    statuses: dict[int, int] = {}
    left = iter(range(CALLS))

    async def ask() -> None:
        async with gateway.http() as http:
            for _ in left:
                body = {"model": "canvas", "prompt": "a red fox"}
                response = await http.post("/v1/images/generations", json=body)
                statuses[response.status_code] = statuses.get(response.status_code, 0) + 1

    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    return statuses


async def test_the_next_binding_serves_a_refused_call_at_its_own_price(
    tmp_path: Path,
) -> None:
    async with two_bindings(tmp_path) as (gateway, _):
        await gateway.script(BUSY)

        response = await gateway.generate()

        assert response.status_code == 200
        assert response.headers["Tintype-Route"] == SECOND
        assert response.json()["usage"]["credits_used"] == DEARER
        assert (await gateway.account()).balance == CREDITS_MICRO - DEARER


async def test_images_of_two_bindings_each_cost_their_own_price(tmp_path: Path) -> None:
    async with two_bindings(tmp_path) as (gateway, _):
        await gateway.script(BUSY)

        response = await gateway.generate(n=3)

        routes = response.headers["Tintype-Route"].split(", ")
        assert sorted(routes) == [FIRST, SECOND]
        assert response.json()["usage"]["credits_used"] == 2 * PRICE + DEARER


async def test_the_hold_covers_the_dearest_binding_and_a_quote_says_so(tmp_path: Path) -> None:
    async with two_bindings(tmp_path) as (gateway, _), gateway.http() as http:
        body = {"model": "canvas", "prompt": "a red fox"}
        quote = (await http.post("/v1/images/quote", json=body)).json()

    assert quote["route"]["binding"] == "first"
    assert (quote["credits_expected"], quote["credits_ceiling"]) == (PRICE, DEARER)


async def test_a_call_that_may_have_made_an_image_is_not_repeated(tmp_path: Path) -> None:
    async with two_bindings(tmp_path) as (gateway, other):
        await gateway.script({"cut_after_bytes": 100})

        response = await gateway.generate()

        assert response.json()["error"]["code"] == "outcome_unknown"
        assert await calls_to(other) == 0


async def test_the_error_of_a_fallback_names_the_fallback(tmp_path: Path) -> None:
    async with two_bindings(tmp_path) as (gateway, other):
        await gateway.script(BUSY)
        async with http_client(other) as http:
            await http.put("/_simulator/faults", json=[{"error": "openai/server_error"}])

        response = await gateway.generate()

        assert "(second)" in response.json()["error"]["message"]


async def test_a_full_binding_leaves_its_calls_to_the_next(tmp_path: Path) -> None:
    async with two_bindings(tmp_path, maxConcurrentCalls=1, queueLimit=0) as (gateway, _):
        await gateway.script({"delay_seconds": 2})

        responses = await asyncio.gather(gateway.generate(), gateway.generate())

        routes = sorted(response.headers["Tintype-Route"] for response in responses)
        assert routes == [FIRST, SECOND]


async def test_a_stream_fails_over_until_something_was_shown(tmp_path: Path) -> None:
    overloaded = {"message": "no", "type": "service_unavailable_error", "code": None}
    envelope = json.dumps({"error": overloaded}).encode()
    busy = Script(status=503, content_type="application/json", steps=[envelope])
    cut = Script([partial_image(), event("error", error={"code": "slow_down"})])
    spec = {"upstreamModel": "gpt-image-2", "size": "1024x1024"}
    async with (
        scripted(busy, cut) as first,
        two_bindings(tmp_path, first.url, **spec) as (gateway, other),  # type: ignore[arg-type]
    ):
        asked: dict[str, Any] = {"stream": True, "partial_images": 1, "quality": "low"}
        whole, broken = [await gateway.generate(**asked) for _ in range(2)]

        assert whole.headers["Tintype-Route"] == SECOND
        assert "image_generation.completed" in whole.text
        assert broken.headers["Tintype-Route"] == FIRST
        assert "outcome_unknown" in broken.text
        assert await calls_to(other) == 1


async def test_no_client_notices_a_binding_that_fails_every_other_time(tmp_path: Path) -> None:
    # Its circuit stays open to the end, however long the calls take.
    async with two_bindings(tmp_path, seconds=lambda: 1000.0) as (gateway, other):
        await gateway.script(*[BUSY, {}] * CALLS)

        statuses = await ask_often(gateway)

        assert statuses == {200: CALLS}
        calls = len(await gateway.upstream_calls()) + await calls_to(other)
        assert calls <= 1.2 * CALLS


async def test_no_client_notices_a_dead_binding_and_its_circuit_opens_and_closes(
    tmp_path: Path,
) -> None:
    (port,) = free_ports(1)
    now = 1000.0
    labels = {"binding": "first", "region": "global"}
    async with two_bindings(tmp_path, f"http://127.0.0.1:{port}", seconds=lambda: now) as (
        gateway,
        other,
    ):
        assert await ask_often(gateway) == {200: CALLS}
        assert metric("tintype_circuit_state", **labels) == 2
        assert await calls_to(other) == CALLS

        async with running(port=port):
            now += 60
            assert metric("tintype_circuit_state", **labels) == 1
            response = await gateway.generate()

            assert response.headers["Tintype-Route"] == FIRST
            assert metric("tintype_circuit_state", **labels) == 0


async def test_the_access_log_tells_the_binding_that_served_and_the_attempts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tintype.access")
    async with two_bindings(tmp_path) as (gateway, _):
        await gateway.script(BUSY)
        await gateway.generate()

    (line,) = [record for record in caplog.records if record.name == "tintype.access"]
    facts = vars(line)
    assert (facts["binding"], facts["attempts"]) == ("second", 2)


async def test_scripted_faults_are_visible_in_the_metrics(tmp_path: Path) -> None:
    labels = {"provider": "openai", "reason": "unavailable"}
    before = metric("tintype_failovers_total", **labels)
    async with two_bindings(tmp_path) as (gateway, _):
        await gateway.script(BUSY)
        await gateway.generate()

    assert metric("tintype_failovers_total", **labels) == before + 1
