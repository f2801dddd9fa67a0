"""Several images of one response that reach the client while the provider still sends them."""

import asyncio
import json
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.gateway.api import test_pass_through as pass_through
from tests.gateway.api.test_disconnects import closed_by_clients
from tests.gateway.api.test_outages import locked
from tests.gateway.api.test_pass_through import COST, received_bytes
from tests.gateway.upstream.passthrough.reading import SAMPLES
from tintype_testing.gateway import CREDITS_MICRO, check_the_books
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

IMAGES = SAMPLES[:3]
RESPONSE = json.dumps({"created": 17, "data": [{"b64_json": each} for each in IMAGES]}).encode()
SECOND = RESPONSE.index(IMAGES[1].encode())
HALF_OF_SECOND = SECOND + len(IMAGES[1]) // 2 + 50_000
BODY = {"model": "canvas", "prompt": "a red fox", "n": 3}


serving = partial(pass_through.serving, images_per_call=3)
asked = partial(pass_through.asked, images=3)


async def test_a_second_image_comes_before_its_provider_has_sent_all_of_it(tmp_path: Path) -> None:
    rest = asyncio.Event()
    steps = RESPONSE[:HALF_OF_SECOND], rest, RESPONSE[HALF_OF_SECOND:]
    async with serving(tmp_path, *steps) as (gateway, _), asked(gateway) as response:
        chunks = response.aiter_raw()
        text = b""
        while IMAGES[1][:40_000].encode() not in text:
            text += await anext(chunks)
        rest.set()
        document = json.loads(text + b"".join([chunk async for chunk in chunks]))
        account = await gateway.account()
        await check_the_books(gateway.ledger)

    assert [entry["b64_json"] for entry in document["data"]] == list(IMAGES)
    assert document["usage"]["credits_used"] == 3 * COST
    assert (account.balance, account.held) == (CREDITS_MICRO - 3 * COST, 0)


@pytest.mark.parametrize("profile", ["router", "openai"])
async def test_the_images_are_described_as_those_of_a_whole_response(
    tmp_path: Path, profile: str
) -> None:
    whole = b'{"preview": "%s", ' % IMAGES[0].encode() + RESPONSE[1:]
    documents = []
    for number, content in enumerate([RESPONSE, whole]):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with serving(folder, content) as (gateway, _), gateway.http() as http:
            headers = {"Tintype-Profile": profile}
            response = await http.post("/v1/images/generations", json=BODY, headers=headers)
            documents.append(response.json())

    assert documents[0] == documents[1]
    assert [entry["b64_json"] for entry in documents[0]["data"]] == list(IMAGES)


async def test_a_client_that_leaves_pays_for_the_images_that_have_begun(tmp_path: Path) -> None:
    rest = asyncio.Event()
    steps = RESPONSE[:HALF_OF_SECOND], rest, RESPONSE[HALF_OF_SECOND:]
    async with serving(tmp_path, *steps) as (gateway, provider):
        closed = closed_by_clients()
        async with asked(gateway) as response:
            await received_bytes(response, SECOND + 20_000)
        rest.set()

        await eventually(lambda: closed_by_clients() == closed + 1)
        account = await gateway.account()
        await check_the_books(gateway.ledger)

    assert (account.balance, account.held) == (CREDITS_MICRO - 2 * COST, 0)
    assert provider.left == 0


async def test_a_later_image_that_breaks_off_breaks_off_the_response_and_costs_nothing(
    tmp_path: Path,
) -> None:
    broken = metric("tintype_responses_broken_off_total")
    async with serving(tmp_path, RESPONSE[:HALF_OF_SECOND], cut=True) as (gateway, _):
        async with asked(gateway) as response:
            with pytest.raises(httpx2.TransportError):
                await response.aread()
        await eventually(lambda: metric("tintype_responses_broken_off_total") == broken + 1)
        account = await gateway.account()
        await check_the_books(gateway.ledger)

    assert (account.balance, account.held) == (CREDITS_MICRO, 0)


async def test_the_charge_for_images_that_cannot_be_settled_stays_due_for_all_of_them(
    tmp_path: Path,
) -> None:
    rest = asyncio.Event()
    steps = RESPONSE[:HALF_OF_SECOND], rest, RESPONSE[HALF_OF_SECOND:]
    async with serving(tmp_path, *steps, timeoutSeconds=5) as (gateway, _):
        async with asked(gateway) as response:
            with locked(gateway.ledger_path):
                rest.set()
                with pytest.raises(httpx2.TransportError):
                    await response.aread()

        await eventually(lambda: metric("tintype_settlements_outstanding") == 0)
        account = await gateway.account()
        assert (account.balance, account.held) == (CREDITS_MICRO - 3 * COST, 0)


async def test_images_behind_one_with_a_prompt_of_its_own_are_delivered_with_it(
    tmp_path: Path,
) -> None:
    entries = [{"b64_json": each, "revised_prompt": f"fox {at}"} for at, each in enumerate(IMAGES)]
    content = json.dumps({"created": 17, "data": entries}).encode()
    async with serving(tmp_path, content) as (gateway, _), asked(gateway) as response:
        document = json.loads(await response.aread())

    assert [entry["b64_json"] for entry in document["data"]] == list(IMAGES)
    assert [entry["revised_prompt"] for entry in document["data"]] == ["fox 0", "fox 1", "fox 2"]
