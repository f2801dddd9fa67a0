"""No request lasts longer than the binding that it is meant for allows."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.gateway.api.scripted import Script, scripted
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway

MARGIN_SECONDS = 45.0
"""Generous, since a busy machine is no slow gateway; without a deadline it would be minutes."""


async def seconds_of(gateway: Gateway) -> tuple[float, str]:
    """Return how long a request took that fails, and its code."""
    started = time.monotonic()
    response = await gateway.generate()
    return time.monotonic() - started, response.json()["error"]["code"]


@pytest.mark.parametrize("spec", [{"timeoutSeconds": 1}, {"firstByteTimeoutSeconds": 1}])
async def test_a_silent_provider_is_left_in_time(tmp_path: Path, spec: dict[str, int]) -> None:
    async with running_gateway(tmp_path, *canvas(**spec)) as gateway:
        await gateway.script({"hang": True})

        seconds, code = await seconds_of(gateway)

        assert code == "timeout"
        assert seconds < 1 + MARGIN_SECONDS
        assert (await gateway.account()).balance == CREDITS_MICRO


async def test_a_started_response_may_last_longer_than_the_start_timeout(tmp_path: Path) -> None:
    begun = asyncio.Event()
    script = Script([b"{", begun, b"}"], content_type="application/json")
    async with scripted(script) as provider:
        manifests = canvas(endpoint=provider.url, firstByteTimeoutSeconds=4, timeoutSeconds=60)
        async with running_gateway(tmp_path, *manifests) as gateway:
            asyncio.get_running_loop().call_later(4.1, begun.set)

            _, code = await seconds_of(gateway)

    assert code == "outcome_unknown"  # the whole response was read, and it has no image


async def test_a_slow_response_ends_with_the_deadline(tmp_path: Path) -> None:
    never = asyncio.Event()
    script = Script([b"{", never], content_type="application/json")
    async with scripted(script) as provider:
        manifests = canvas(endpoint=provider.url, timeoutSeconds=1)
        async with running_gateway(tmp_path, *manifests) as gateway:
            seconds, code = await seconds_of(gateway)

    assert code == "timeout"
    assert seconds < 1 + MARGIN_SECONDS


async def test_retries_share_one_deadline(tmp_path: Path) -> None:
    busy = {"error": "openai/slow_down", "headers": {"retry-after": "1"}}
    async with running_gateway(tmp_path, *canvas(timeoutSeconds=6)) as gateway:
        await gateway.script(busy, {"hang": True}, {"hang": True})

        seconds, code = await seconds_of(gateway)

        assert code == "timeout"
        assert seconds < 6 + MARGIN_SECONDS
        assert len(await gateway.upstream_calls()) == 2
