"""The manifests for Black Forest Labs, asked through the gateway."""

import asyncio
import base64
import io
import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.gateway.api.hosted.requests import calls, cost_of, edit, error_of, served, unsettled
from tests.simulator.edited import changed, is_box, photo
from tests.simulator.servers import HOLE, SIZE
from tintype_gateway.demo import pointed_at
from tintype_gateway.ledger.factory import open_ledger
from tintype_simulator.app import running
from tintype_testing.gateway import Gateway, running_gateway
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.http import http_client
from tintype_testing.manifests import Manifest
from tintype_testing.simulators import requests_received
from tintype_testing.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIALECT = "bfl"

PRO = "flux-2-pro"
FILL = "flux-pro-1.0-fill"
CREDIT = 160_000
"""Micro-credits for one of BFL's credits, which is a cent."""


def image_of(response: httpx2.Response) -> Image.Image:
    """Return the image of a response of the gateway."""
    assert response.status_code == 200, response.text
    [entry] = response.json()["data"]
    return Image.open(io.BytesIO(base64.b64decode(entry["b64_json"])))


async def generate(gateway: Gateway, fields: dict[str, Any]) -> httpx2.Response:
    async with gateway.http() as http:
        return await http.post("/v1/images/generations", json={"prompt": "a red fox"} | fields)


@pytest.mark.parametrize(
    ("model", "size", "sent", "credits"),
    [
        ("flux-2-klein-4b", "128x128", {"width": 128, "height": 128}, "1.4"),
        ("flux-2-klein-9b", "128x64", {"width": 128, "height": 64}, "1.5"),
        (PRO, "128x128", {"width": 128, "height": 128}, "3"),
        ("flux-2-flex", "128x128", {"width": 128, "height": 128}, "5"),
        ("flux-2-max", "128x128", {"width": 128, "height": 128}, "7"),
        ("flux-pro-1.1", "256x256", {"width": 256, "height": 256}, "4"),
        ("flux-pro-1.1-ultra", "3136x1344", {"aspect_ratio": "21:9"}, "6"),
        ("flux-kontext-pro", "1248x832", {"aspect_ratio": "3:2"}, "4"),
        ("flux-kontext-max", "1024x1024", {"aspect_ratio": "1:1"}, "8"),
    ],
)
async def test_each_model_makes_an_image_at_the_cost_that_is_reported(
    gateway: Gateway, model: str, size: str, sent: dict[str, Any], credits: str
) -> None:
    response = await gateway.generate(model=model, size=size, seed=7, output_format="jpeg")

    image = image_of(response)
    assert (image.format, f"{image.width}x{image.height}") == ("JPEG", size)
    assert cost_of(response) == round(float(credits) * CREDIT)
    [call] = await calls(gateway)
    assert call["path"] == f"/hosted/bfl/v1/{model}"
    own = {"prompt": "a red fox", "seed": 7, "output_format": "jpeg"}
    assert call["body"] == own | sent


async def test_an_image_is_a_png_where_no_format_is_asked_for(gateway: Gateway) -> None:
    assert image_of(await gateway.generate(model=PRO, size="64x64")).format == "PNG"


async def test_several_images_are_several_tasks(gateway: Gateway) -> None:
    response = await gateway.generate(model="flux-2-klein-4b", size="64x64", n=3)

    assert len({entry["b64_json"] for entry in response.json()["data"]}) == 3
    assert cost_of(response) == 3 * 224_000
    assert len(await calls(gateway)) == 3


async def test_further_megapixels_and_those_of_input_images_are_charged(gateway: Gateway) -> None:
    response = await edit(gateway, PRO, images=2, size="1024x1040")

    assert image_of(response).size == (1024, 1040)
    assert cost_of(response) == round((3 + 1.5 + 2 * 1.5) * CREDIT)


@pytest.mark.parametrize(
    ("model", "images"), [(PRO, 8), ("flux-2-klein-9b", 4), ("flux-kontext-pro", 1)]
)
async def test_the_images_of_an_edit_are_sent_in_their_order(
    gateway: Gateway, model: str, images: int
) -> None:
    response = await edit(gateway, model, images=images)

    image_of(response)
    [call] = await calls(gateway)
    names = [name for name in call["body"] if name.startswith("input_image")]
    assert names == ["input_image", *(f"input_image_{n}" for n in range(2, images + 1))]


async def test_a_mask_changes_what_is_transparent_in_it(gateway: Gateway) -> None:
    response = await edit(gateway, FILL, mask=True)

    assert is_box(changed(photo(SIZE), image_of(response)), HOLE)
    assert cost_of(response) == 5 * CREDIT
    [call] = await calls(gateway)
    assert set(call["body"]) == {"prompt", "image", "mask", "output_format"}


@pytest.mark.parametrize(("model", "mask"), [(FILL, False), (PRO, True), ("flux-pro-1.1", False)])
async def test_an_edit_that_the_model_cannot_make_is_refused(
    gateway: Gateway, model: str, mask: bool
) -> None:
    response = await edit(gateway, model, mask=mask)

    assert response.status_code == 400
    assert await calls(gateway) == []


@pytest.mark.parametrize(
    "field",
    [
        *("webhook_secret", "finetune_id", "finetune_strength"),
        *("input_image", "input_image_2", "image", "mask", "image_prompt", "safety_tolerance"),
    ],
)
async def test_clients_cannot_fill_in_fields_that_the_model_does_not_list(
    gateway: Gateway, field: str
) -> None:
    response = await generate(gateway, {"model": PRO, field: "https://evil.example/"})

    assert response.status_code == 422
    assert response.json()["error"]["param"] == field
    assert await calls(gateway) == []


async def test_the_webhook_of_a_client_is_the_gateways_and_never_reaches_the_provider(
    gateway: Gateway,
) -> None:
    response = await generate(gateway, {"model": PRO, "webhook_url": "https://evil.example/"})

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "webhook_url"
    assert await calls(gateway) == []


async def test_nor_those_that_a_model_lists_by_mistake(tmp_path: Path) -> None:
    fields = ("webhook_url", "webhook_secret", "finetune_id", "input_image_2", "safety_tolerance")
    listed: Manifest = {"providerParameters": {name: [] for name in fields}}
    manifests = [
        item | {"spec": item["spec"] | listed} if item["kind"] == "ImageModel" else item
        for item in served(DIALECT)
        if item["metadata"]["name"] == "flux-2-pro-bfl"
    ]
    async with running_gateway(tmp_path, *manifests) as own:
        for field in fields:
            response = await generate(own, {"model": PRO, field: "https://evil.example/"})

            assert error_of(response)[::2] == (400, field)
        assert await calls(own) == []


async def test_an_edit_has_the_size_of_its_image_where_none_is_asked_for(gateway: Gateway) -> None:
    image = image_of(await edit(gateway, PRO))

    assert image.size == (SIZE[0] // 16 * 16, SIZE[1] // 16 * 16)


async def test_a_key_goes_to_the_api_and_not_to_the_host_of_images(
    gateway: Gateway,
) -> None:
    image_of(await gateway.generate(model=PRO, size="64x64"))

    [submitted], polls = await calls(gateway), await calls(gateway, "GET")
    assert submitted["headers"]["x-key"] == "simulated"
    *statuses, file = polls
    assert {poll["headers"].get("x-key") for poll in statuses} == {"simulated"}
    assert file["path"].startswith("/hosted/bfl/files/")
    assert "simulated" not in str(file["headers"])


@pytest.mark.parametrize(
    ("prompt", "said"),
    [("a forbidden fox", "Request Moderated"), ("a flagged fox", "Content Moderated")],
)
async def test_a_moderated_task_is_refused_with_its_reason_and_counted(
    gateway: Gateway, prompt: str, said: str
) -> None:
    before, balance = unsettled(DIALECT, "refused"), (await gateway.account()).balance

    response = await gateway.generate(model=PRO, size="64x64", prompt=prompt)

    assert error_of(response)[:2] == (400, "moderation_blocked")
    assert f"{said}: Derivative Works Filter" in response.json()["error"]["message"]
    assert (await gateway.account()).balance == balance
    assert unsettled(DIALECT, "refused") == before + 1


async def test_a_task_that_fails_costs_nothing_and_is_counted(gateway: Gateway) -> None:
    before = unsettled(DIALECT, "failed")

    response = await gateway.generate(model=PRO, size="64x64", prompt="a broken-task fox")

    assert error_of(response)[:2] == (503, "provider_unavailable")
    assert unsettled(DIALECT, "failed") == before + 1
    assert len(await calls(gateway)) == 1


async def test_a_state_that_is_new_is_polled_on(gateway: Gateway) -> None:
    image_of(await gateway.generate(model=PRO, size="64x64", prompt="an odd-task fox"))

    assert len(await calls(gateway)) == 1


async def test_a_poll_that_fails_is_polled_again(gateway: Gateway) -> None:
    await gateway.script({}, {"error": "bfl/server_error"}, {"error": "bfl/throttled"})

    image_of(await gateway.generate(model=PRO, size="64x64"))

    assert len(await calls(gateway)) == 1


async def test_an_image_at_a_host_that_is_not_of_the_provider_is_not_fetched(
    gateway: Gateway,
) -> None:
    response = await gateway.generate(model=PRO, size="64x64", prompt="a strayed-task fox")

    assert error_of(response)[:2] == (503, "outcome_unknown")


async def test_an_account_without_credits_is_a_fault_of_the_gateway(gateway: Gateway) -> None:
    await gateway.script({"error": "bfl/no_credits"})

    response = await gateway.generate(model="flux-2-max", size="64x64")

    assert error_of(response)[:2] == (503, "provider_unauthorized")
    assert "credits" not in response.json()["error"]["message"]


async def test_a_client_that_leaves_holds_nothing(gateway: Gateway) -> None:
    before = unsettled(DIALECT, "cancelled")
    request = asyncio.create_task(gateway.generate(model=PRO, prompt="an endless-task fox"))

    async def is_polled() -> bool:
        return bool(await calls(gateway, "GET"))

    async def is_free() -> bool:
        return (await gateway.account()).held == 0

    await eventually(is_polled)
    assert (await gateway.account()).held == 3 * CREDIT
    request.cancel()
    await eventually(is_free)
    await eventually(lambda: unsettled(DIALECT, "cancelled") == before + 1)
    assert len(await calls(gateway)) == 1


async def test_a_stream_has_its_image(gateway: Gateway) -> None:
    response = await gateway.generate(model=PRO, size="64x64", stream=True, partial_images=2)

    events = [line for line in response.text.splitlines() if line.startswith("event:")]
    assert events == ["event: image_generation.completed"]


async def test_a_gateway_that_is_killed_while_it_polls_leaves_its_idempotency_key_taken(
    tmp_path: Path,
) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "bfl.api-key").write_text("a key")
    flags = ("--demo", "--catalog-dir", "catalog", "--credentials-dir", "credentials")

    async def ask(process: GatewayProcess) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {process.demo_key}", "Idempotency-Key": "17"}
        body = {"model": PRO, "prompt": "an endless-task fox"}
        async with http_client(process.url, headers=headers) as http:
            return await http.post("/v1/images/generations", json=body)

    async with running() as simulator:
        for number, item in enumerate(served(DIALECT)):
            text = json.dumps(pointed_at(item, simulator))
            (tmp_path / "catalog" / f"{number}.yaml").write_text(text)

        async def is_polled() -> bool:
            return any(call["method"] == "GET" for call in await requests_received(simulator))

        with running_process(tmp_path, *flags) as process:
            request = asyncio.create_task(ask(process))
            await eventually(is_polled)
            process.process.popen.kill()
            with pytest.raises(httpx2.TransportError):
                await request
        later = time.time() + 24 * 3600  # the hold of a dead gateway ends by time
        ledger = open_ledger(f"sqlite:///{tmp_path}/.tintype/ledger.db", clock=lambda: later)
        assert await ledger.expire_holds() == 1
        await ledger.close()
        with running_process(tmp_path, *flags) as process:
            response = await ask(process)

        assert error_of(response)[:2] == (409, "idempotency_outcome_unknown")
        posts = [c for c in await requests_received(simulator) if c["method"] == "POST"]
        assert len(posts) == 1
