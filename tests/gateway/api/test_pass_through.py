"""Plain responses that reach the client while the provider still sends them."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.gateway.api.scripted import Script, ScriptedProvider, scripted
from tests.gateway.api.test_disconnects import closed_by_clients
from tests.gateway.api.test_outages import locked
from tests.gateway.api.test_provider_faults import unsettled
from tests.gateway.upstream.passthrough.reading import PNG
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, check_the_books, running_gateway
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

RESPONSE = json.dumps({"created": 17, "data": [{"b64_json": PNG}]}).encode()
HALF = 120_000
COST = 640_000


@asynccontextmanager
async def serving(
    folder: Path,
    *steps: bytes | asyncio.Event,
    cut: bool = False,
    images_per_call: int = 1,
    **spec: Any,
) -> AsyncIterator[tuple[Gateway, ScriptedProvider]]:
    """Run a gateway whose provider writes these steps as the response to its one call."""
    script = Script(steps, content_type="application/json", cut=cut)
    async with scripted(script) as provider:
        model, binding = canvas(endpoint=provider.url, **spec)
        model["spec"]["limits"] = {"maxImagesPerCall": images_per_call}
        async with running_gateway(folder, model, binding) as gateway:
            yield gateway, provider


@asynccontextmanager
async def asked(gateway: Gateway, images: int = 1) -> AsyncIterator[httpx2.Response]:
    """Ask for images, and yield the response when its head has come."""
    body = {"model": "canvas", "prompt": "a red fox", "n": images}
    async with (
        gateway.http() as http,
        http.stream("POST", "/v1/images/generations", json=body) as response,
    ):
        yield response


async def test_an_image_comes_before_its_provider_has_sent_all_of_it(tmp_path: Path) -> None:
    rest = asyncio.Event()
    async with (
        serving(tmp_path, RESPONSE[:HALF], rest, RESPONSE[HALF:]) as (gateway, _),
        asked(gateway) as response,
    ):
        assert response.status_code == 200
        assert (await gateway.account()).held == COST
        rest.set()
        document = json.loads(await response.aread())
        account = await gateway.account()

    assert document["data"][0]["b64_json"] == PNG
    assert document["usage"]["credits_used"] == COST
    assert (account.balance, account.held) == (CREDITS_MICRO - COST, 0)


async def test_a_cost_that_is_certain_is_in_the_head(tmp_path: Path) -> None:
    rest = asyncio.Event()
    async with (
        serving(tmp_path, RESPONSE[:HALF], rest, RESPONSE[HALF:]) as (gateway, _),
        asked(gateway) as response,
    ):
        assert response.headers["Tintype-Cost-Micro-Credits"] == str(COST)
        assert response.headers["Tintype-Route"] == "openai/global/canvas-openai"
        assert response.headers["Content-Type"] == "application/json"
        rest.set()
        await response.aread()


async def test_a_response_that_is_cut_off_is_cut_off_for_the_client_and_costs_nothing(
    tmp_path: Path,
) -> None:
    broken, lost = metric("tintype_responses_broken_off_total"), unsettled("outcome_unknown")
    async with serving(tmp_path, RESPONSE[:HALF], cut=True) as (gateway, _):
        with pytest.raises(httpx2.TransportError):
            await received(gateway)
        await eventually(lambda: metric("tintype_responses_broken_off_total") == broken + 1)
        account = await gateway.account()
        await check_the_books(gateway.ledger)

    assert (account.balance, account.held) == (CREDITS_MICRO, 0)
    assert unsettled("outcome_unknown") == lost + 1


@pytest.mark.parametrize("sent", [HALF, len(RESPONSE) - 200], ids=["middle", "last rows"])
async def test_a_client_that_leaves_once_its_image_has_begun_pays_for_it(
    tmp_path: Path, sent: int
) -> None:
    rest = asyncio.Event()
    async with serving(tmp_path, RESPONSE[:sent], rest, RESPONSE[sent:]) as (gateway, provider):
        closed = closed_by_clients()
        async with asked(gateway) as response:
            await received_bytes(response, sent - 1000)
        assert (await gateway.account()).held == COST
        rest.set()

        await eventually(lambda: closed_by_clients() == closed + 1)
        account = await gateway.account()
        assert (account.balance, account.held) == (CREDITS_MICRO - COST, 0)
        assert provider.left == 0


async def test_a_provider_that_breaks_off_after_its_client_has_left_costs_nothing(
    tmp_path: Path,
) -> None:
    rest = asyncio.Event()
    async with serving(tmp_path, RESPONSE[:HALF], rest, cut=True) as (gateway, _):
        closed = closed_by_clients()
        async with asked(gateway):
            pass
        rest.set()

        await eventually(lambda: closed_by_clients() == closed + 1)
        account = await gateway.account()
        assert (account.balance, account.held) == (CREDITS_MICRO, 0)


PER_SECOND = {"type": "per_second", "usd": "0.001", "maxUsd": "0.04"}
A_SECOND = 16_000
"""Micro-credits."""

AN_IMAGE_A_MILLISECOND = PER_SECOND | {"usd": "40"}


async def test_an_interrupted_image_costs_the_time_of_its_provider_at_a_price_by_the_second(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tintype.access")
    lost = unsettled("outcome_unknown")
    async with serving(tmp_path, RESPONSE[:HALF], cut=True, pricing=PER_SECOND) as (gateway, _):
        with pytest.raises(httpx2.TransportError):
            await received(gateway)
        charged = await charged_at_last(gateway)
        await check_the_books(gateway.ledger)

    await eventually(lambda: bool(caplog.records))
    seconds = caplog.records[-1].__dict__["provider_seconds"]
    assert 0 < charged <= (seconds + 0.001) * A_SECOND
    assert unsettled("outcome_unknown") == lost


@pytest.mark.parametrize("stays", [True, False], ids=["client that stays", "client that has left"])
async def test_an_interrupted_image_costs_at_most_its_ceiling(tmp_path: Path, stays: bool) -> None:
    rest = asyncio.Event()
    steps, pricing = (RESPONSE[:HALF], rest), AN_IMAGE_A_MILLISECOND
    async with serving(tmp_path, *steps, cut=True, pricing=pricing) as (gateway, _):
        async with asked(gateway) as response:
            if stays:
                rest.set()
                with pytest.raises(httpx2.TransportError):
                    await response.aread()
        rest.set()
        assert await charged_at_last(gateway) == COST


async def test_a_response_of_a_price_by_the_second_that_breaks_off_before_its_image_is_free(
    tmp_path: Path,
) -> None:
    lost = unsettled("outcome_unknown")
    async with serving(tmp_path, RESPONSE[:1000], cut=True, pricing=PER_SECOND) as (gateway, _):
        response = await gateway.generate()
        account = await gateway.account()

    assert (response.status_code, response.json()["error"]["code"]) == (503, "outcome_unknown")
    assert (account.balance, account.held) == (CREDITS_MICRO, 0)
    assert unsettled("outcome_unknown") == lost + 1


async def charged_at_last(gateway: Gateway) -> int:
    """Return what the one request was charged, once its hold is settled."""
    await eventually(lambda: metric("tintype_holds_outstanding") == 0)
    account = await gateway.account()
    assert account.held == 0
    return CREDITS_MICRO - account.balance


async def test_a_response_that_cannot_be_settled_has_no_end_and_its_charge_stays_due(
    tmp_path: Path,
) -> None:
    rest, broken = asyncio.Event(), metric("tintype_responses_broken_off_total")
    steps = RESPONSE[:HALF], rest, RESPONSE[HALF:]
    async with serving(tmp_path, *steps, timeoutSeconds=5) as (gateway, _):
        async with asked(gateway) as response:
            with locked(gateway.ledger_path):
                rest.set()
                with pytest.raises(httpx2.TransportError):
                    await response.aread()
                assert metric("tintype_responses_broken_off_total") == broken + 1
                assert metric("tintype_settlements_outstanding") == 1
                assert metric("tintype_holds_outstanding") == 1

        await eventually(lambda: metric("tintype_settlements_outstanding") == 0)
        account = await gateway.account()
        assert (account.balance, account.held) == (CREDITS_MICRO - COST, 0)


async def test_a_response_waits_for_a_ledger_that_comes_back(tmp_path: Path) -> None:
    rest = asyncio.Event()
    async with serving(tmp_path, RESPONSE[:HALF], rest, RESPONSE[HALF:]) as (gateway, _):
        async with asked(gateway) as response:
            with locked(gateway.ledger_path):
                rest.set()
                await eventually(lambda: metric("tintype_settlements_outstanding") == 1)
            document = json.loads(await response.aread())

        account = await gateway.account()
        assert document["usage"]["credits_used"] == COST
        assert document["usage"]["credits_remaining"] == account.balance == CREDITS_MICRO - COST


async def received_bytes(response: httpx2.Response, count: int) -> None:
    """Read a response until this number of bytes of its body has arrived."""
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size >= count:
            return


async def test_bytes_that_the_client_has_are_not_in_memory_any_more(tmp_path: Path) -> None:
    rest = asyncio.Event()
    before = metric("tintype_provider_bytes_in_flight")
    async with (
        serving(tmp_path, RESPONSE[:HALF], rest, RESPONSE[HALF:]) as (gateway, _),
        asked(gateway) as response,
    ):
        await eventually(lambda: metric("tintype_provider_bytes_in_flight") < before + 1000)
        rest.set()
        await response.aread()


async def received(gateway: Gateway) -> Any:
    async with asked(gateway) as response:
        return json.loads(await response.aread())
