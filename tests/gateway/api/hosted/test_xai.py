"""The models of xAI through the gateway: their manifests, made active, before the simulator."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.gateway.api.test_pass_through import asked, serving
from tests.gateway.api.test_self_hosted import files_of, image_of
from tests.gateway.upstream.passthrough.reading import PNG
from tests.simulator.edited import photo
from tests.simulator.servers import png
from tintype_simulator.app import running
from tintype_testing.gateway import CREDITS_MICRO, Gateway, running_gateway
from tintype_testing.manifests import HOSTED, changed, merged, per_image, read_manifests
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODELS = {
    "grok-imagine-image": (320_000, 352_000),
    "grok-imagine-image-quality": (800_000, 832_000),
    "grok-imagine-image-2.0": (640_000, 672_000),
}
"""What the simulator reports for an image and for an edit of one, in micro-credits."""

MODEL = "grok-imagine-image"
SMALL = (96, 64)

ACTIVE = {"spec": {"active": True}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway with all models of xAI, and one that lists fields which no client may set."""
    manifests = [
        merged(item, ACTIVE) if item["kind"] == "ProviderBinding" else item
        for item in read_manifests(HOSTED)
        if item["metadata"]["name"].startswith("grok-")
    ]
    careless, binding = manifests[:2]
    careless = changed(careless, "metadata.name", "careless")
    careless = merged(
        careless,
        {"spec": {"id": "careless", "providerParameters": {"storage_options": [], "image": []}}},
    )
    binding = changed(
        changed(binding, "metadata.name", "careless-xai"), "spec.modelRef.name", "careless"
    )
    async with (
        running() as simulator,
        running_gateway(
            tmp_path_factory.mktemp("gateway"), *manifests, careless, binding, simulator=simulator
        ) as gateway,
    ):
        yield gateway


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def forget(gateway: Gateway) -> None:
    """Let each test see its own calls only."""
    await gateway.forget_calls()


async def edit(gateway: Gateway, images: int = 1, **fields: str) -> httpx2.Response:
    """Ask for an edit of small photos."""
    files = [("image[]", ("image.png", png(photo(SMALL)), "image/png"))] * images
    data = {"model": MODEL, "prompt": "a red fox"} | fields
    async with gateway.http() as http:
        return await http.post("/v1/images/edits", data=data, files=files)


async def sent(gateway: Gateway) -> Any:
    [call] = await gateway.upstream_calls()
    return call


def cost(response: httpx2.Response) -> int:
    spent: int = response.json()["usage"]["credits_used"]
    return spent


@pytest.mark.parametrize("model", MODELS)
async def test_every_model_makes_an_image_at_the_cost_that_xai_reports(
    gateway: Gateway, model: str
) -> None:
    before = (await gateway.account()).balance

    response = await gateway.generate(model=model, size="1360x768")

    assert image_of(response).size == (1360, 768)
    assert cost(response) == before - (await gateway.account()).balance == MODELS[model][0]
    assert await sent(gateway) == {
        "model": model,
        "prompt": "a red fox",
        "n": 1,
        "response_format": "b64_json",
        "aspect_ratio": "16:9",
        "resolution": "1k",
    }


@pytest.mark.parametrize("model", MODELS)
async def test_every_model_edits_an_image_at_a_cost_that_no_table_knows(
    gateway: Gateway, model: str
) -> None:
    response = await edit(gateway, model=model)

    assert image_of(response).size == (1248, 832)
    assert cost(response) == MODELS[model][1]
    assert (await sent(gateway))["image"]["type"] == "image_url"


async def test_three_images_are_edited_together_at_the_ratio_that_is_asked_for(
    gateway: Gateway,
) -> None:
    response = await edit(gateway, 3, size="1024x1024")

    assert image_of(response).size == (1024, 1024)
    assert len((await sent(gateway))["images"]) == 3


async def test_four_images_are_too_many(gateway: Gateway) -> None:
    response = await edit(gateway, 4)

    assert response.status_code == 400
    assert not await gateway.has_called()


async def test_a_resolution_is_chosen_by_its_size_or_by_xais_own_word(gateway: Gateway) -> None:
    fields: dict[str, Any] = {"model": "grok-imagine-image-quality"}
    by_size = await gateway.generate(**fields, size="2048x2048")
    by_word = await gateway.generate(**fields, aspect_ratio="19.5:9", resolution="2k")

    assert (image_of(by_size).size, image_of(by_word).size) == ((2048, 2048), (3008, 1376))
    assert cost(by_size) == cost(by_word) == 1_120_000


async def test_a_quality_that_xai_has_not_is_its_best(gateway: Gateway) -> None:
    await gateway.generate(model="grok-imagine-image-2.0", quality="high")

    assert (await sent(gateway))["quality"] == "medium"


async def test_images_that_were_blocked_are_flagged_and_the_others_charged_to_the_ceiling(
    gateway: Gateway,
) -> None:
    response = await gateway.generate(model=MODEL, prompt="a half-flagged fox", n=2)

    shown, blocked = response.json()["data"]
    assert (shown["flagged"], blocked["flagged"], blocked["b64_json"]) == (False, True, None)
    assert cost(response) == 480_000  # 0.03 USD: xAI reports 0.04 for both


async def test_a_request_whose_images_were_all_blocked_is_our_loss(gateway: Gateway) -> None:
    before, lost = (await gateway.account()).balance, unsettled()

    response = await gateway.generate(model=MODEL, prompt="a flagged fox")

    assert response.json()["data"][0]["flagged"]
    assert (await gateway.account()).balance == before
    assert unsettled() - lost == 1


async def test_a_prompt_that_is_blocked_is_an_error_and_our_loss_where_xai_charges_it(
    gateway: Gateway,
) -> None:
    before, lost = (await gateway.account()).balance, unsettled()

    response = await gateway.generate(model=MODEL, prompt="a forbidden fox")

    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "moderation_blocked")
    assert "content moderation" in error["message"]
    assert (await gateway.account()).balance == before
    assert unsettled() - lost == 1


def unsettled() -> float:
    return metric("tintype_unsettled_upstream_calls_total", provider="xai", reason="refused")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("moderated", 400, "moderation_blocked"),
        ("invalid_argument", 400, "unsupported_parameter"),
        ("internal", 503, "outcome_unknown"),
    ],
)
async def test_an_error_of_xai_is_one_of_openai(
    gateway: Gateway, error: str, status: int, code: str
) -> None:
    await gateway.script({"error": f"xai/{error}"})

    response = await gateway.generate(model=MODEL)

    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_a_stream_has_its_image_and_the_reported_cost(gateway: Gateway) -> None:
    async with gateway.openai() as client:
        stream = await client.images.generate(model=MODEL, prompt="a red fox", stream=True)
        [*_, last] = [event async for event in stream]

    assert last.type == "image_generation.completed"
    assert last.model_dump()["usage"]["credits_used"] == MODELS[MODEL][0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("storage_options", {"filename": "fox.png", "public_url": {}}),
        ("image", {"url": "https://example.com/fox.png"}),
    ],
)
async def test_fields_that_publish_or_fetch_are_refused_though_a_model_lists_them(
    gateway: Gateway, name: str, value: object
) -> None:
    fields: dict[str, Any] = {"model": "careless", name: value}

    response = await gateway.generate(**fields)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == name
    assert not await gateway.has_called()


async def test_fields_that_no_model_lists_are_refused(gateway: Gateway) -> None:
    response = await gateway.generate(model=MODEL, storage_options={"filename": "fox.png"})

    assert response.status_code == 400
    assert not await gateway.has_called()


async def test_several_images_come_from_one_call(gateway: Gateway) -> None:
    response = await gateway.generate(model=MODEL, n=2)

    assert len(files_of(response)) == 2
    assert cost(response) == 2 * MODELS[MODEL][0]
    assert (await sent(gateway))["n"] == 2


RESPONSE = json.dumps(
    {
        "data": [{"respect_moderation": True, "b64_json": PNG}],
        "usage": {"cost_in_usd_ticks": 123_400_000},
    }
).encode()
CANVAS: dict[str, Any] = {
    "dialect": "xai-images",
    "provider": "xai",
    "pricing": per_image("0.02") | {"charge": "Reported"},
}


async def test_an_image_that_passes_through_is_charged_by_the_report_behind_it(
    tmp_path: Path,
) -> None:
    rest = asyncio.Event()
    async with (
        serving(tmp_path, RESPONSE[:120_000], rest, RESPONSE[120_000:], **CANVAS) as (gateway, _),
        asked(gateway) as response,
    ):
        assert response.status_code == 200
        rest.set()
        document = json.loads(await response.aread())
        balance = (await gateway.account()).balance

    assert "Tintype-Cost-Micro-Credits" not in response.headers
    assert document["usage"]["credits_used"] == 197_440  # 0.01234 USD
    assert balance == CREDITS_MICRO - 197_440


async def test_an_image_whose_client_leaves_is_charged_by_the_report_behind_it(
    tmp_path: Path,
) -> None:
    rest = asyncio.Event()
    async with serving(tmp_path, RESPONSE[:120_000], rest, RESPONSE[120_000:], **CANVAS) as (
        gateway,
        _,
    ):
        async with asked(gateway) as response:
            assert response.status_code == 200
        rest.set()

        async def is_charged() -> bool:
            return (await gateway.account()).balance == CREDITS_MICRO - 197_440

        await eventually(is_charged)


async def test_a_report_without_an_amount_leaves_the_price_to_the_table(tmp_path: Path) -> None:
    labels = {"provider": "xai", "binding": "canvas-openai"}
    before = metric("tintype_usage_unusable_total", **labels)
    content = RESPONSE.replace(b"123400000", b"-5")
    async with serving(tmp_path, content, **CANVAS) as (gateway, _):
        response = await gateway.generate()

    assert response.json()["usage"]["credits_used"] == 320_000
    assert metric("tintype_usage_unusable_total", **labels) - before == 1


async def test_a_report_above_the_ceiling_is_charged_up_to_it_and_counted(tmp_path: Path) -> None:
    labels = {"provider": "xai", "model": "canvas"}
    before = metric("tintype_excess_credits_total", **labels)
    content = RESPONSE.replace(b"123400000", b"500000000")
    async with serving(tmp_path, content, **CANVAS) as (gateway, _):
        response = await gateway.generate()

    assert response.json()["usage"]["credits_used"] == 320_000
    assert metric("tintype_excess_credits_total", **labels) - before == pytest.approx(0.48)
