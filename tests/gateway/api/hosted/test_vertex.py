"""The models of Vertex AI through the gateway: their manifests, made active."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.gateway.api.test_self_hosted import files_of, image_of
from tests.simulator.edited import photo
from tests.simulator.servers import png
from tintype_simulator.app import running
from tintype_testing.gateway import CREDITS_MICRO, Gateway, running_gateway
from tintype_testing.manifests import HOSTED, changed, merged, read_manifests
from tintype_testing.simulators import requests_received

pytestmark = pytest.mark.asyncio(loop_scope="module")

MICRO_CREDITS_PER_USD = 16_000_000

GEMINI = {
    # prices of text in, image out and text out, and the tokens of an image
    "vertex-gemini-3-pro-image": ("2.00", "120", "12.00", 1120),
    "vertex-gemini-3.1-flash-image": ("0.50", "60", "3.00", 1120),
    "vertex-gemini-3.1-flash-lite-image": ("0.25", "30", "1.50", 1120),
    "vertex-gemini-2.5-flash-image": ("0.30", "30", "2.50", 1290),
}
IMAGEN = "vertex-imagen-4.0-generate-001"
FLASH = "vertex-gemini-3.1-flash-image"
SMALL = "512x512"

ACTIVE = {"spec": {"active": True, "vertexAi": {"project": "studio", "quotaProject": "billing"}}}
NEVER_RETIRES = {"spec": {"lifecycle": None}}


def served() -> list[Any]:
    """Return the manifests with active bindings, and with models that are never retired."""
    return [
        merged(item, ACTIVE if item["kind"] == "ProviderBinding" else NEVER_RETIRES)
        for item in read_manifests(HOSTED)
        if "vertex" in item["metadata"]["name"]
    ]


def copied(name: str, **spec: Any) -> list[Any]:
    """Return Gemini 3.1 Flash again as a model of another name, with another binding."""
    manifests = {item["metadata"]["name"]: item for item in served()}
    model, binding = manifests[FLASH], manifests["gemini-3.1-flash-image-vertex"]
    reference = {"spec": spec | {"modelRef": {"name": name}}}
    return [
        merged(changed(model, "metadata.name", name), {"spec": {"id": name}}),
        merged(changed(binding, "metadata.name", f"{name}-vertex"), reference),
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway with all models of Vertex AI, one of which is also looked for elsewhere."""
    manifests = [*served(), *copied("misplaced", regions=["us-central1", "global"])]
    async with (
        running() as simulator,
        running_gateway(
            tmp_path_factory.mktemp("gateway"), *manifests, simulator=simulator
        ) as gateway,
    ):
        yield gateway


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def forget(gateway: Gateway) -> None:
    """Let each test see its own calls only."""
    await gateway.forget_calls()


async def calls(gateway: Gateway) -> list[dict[str, Any]]:
    received: list[dict[str, Any]] = await requests_received(gateway.simulator)
    return received


async def edit(gateway: Gateway, **fields: str) -> httpx2.Response:
    """Ask for an edit of a small photo."""
    files = {"image": ("image.png", png(photo((96, 64))), "image/png")}
    data = {"model": FLASH, "prompt": "a red fox", "size": SMALL} | fields
    async with gateway.http() as http:
        return await http.post("/v1/images/edits", data=data, files=files)


@pytest.mark.parametrize("model", GEMINI)
async def test_each_gemini_model_makes_an_image_at_the_price_of_its_tokens(
    gateway: Gateway, model: str
) -> None:
    response = await gateway.generate(model=model)

    assert image_of(response).size == (1024, 1024)
    text_in, image, text_out, tokens = GEMINI[model]
    usage = response.json()["usage"]
    prices = [Decimal(price) / 1_000_000 for price in (text_in, image, text_out)]
    other = usage["output_tokens"] - tokens
    usd = usage["input_tokens"] * prices[0] + tokens * prices[1] + other * prices[2]
    assert usage["credits_used"] == round(usd * MICRO_CREDITS_PER_USD)
    [call] = await calls(gateway)
    folder = "/hosted/vertex/v1/projects/studio/locations/global/publishers/google/models"
    assert call["path"] == f"{folder}/{model.removeprefix('vertex-')}:generateContent"
    assert call["headers"]["x-goog-user-project"] == "billing"
    assert "x-goog-api-key" not in call["headers"]


async def test_imagen_makes_images_in_its_region_at_their_price(gateway: Gateway) -> None:
    response = await gateway.generate(model=IMAGEN, n=2)

    assert len(files_of(response)) == 2
    assert response.json()["usage"]["credits_used"] == 2 * 640_000
    [call] = await calls(gateway)
    folder = "/hosted/vertex/v1/projects/studio/locations/us-central1/publishers/google/models"
    assert call["path"] == f"{folder}/imagen-4.0-generate-001:predict"


async def test_gemini_edits_an_image(gateway: Gateway) -> None:
    response = await edit(gateway)

    assert image_of(response).size == (512, 512)
    [call] = await calls(gateway)
    [content] = call["body"]["contents"]
    assert content["role"] == "user"
    assert [*content["parts"][0]] == ["inlineData"]


async def test_a_mask_is_refused_before_it_is_bought(gateway: Gateway) -> None:
    files = {name: (f"{name}.png", png(photo((96, 64))), "image/png") for name in ("image", "mask")}
    async with gateway.http() as http:
        data = {"model": FLASH, "prompt": "a red fox"}
        response = await http.post("/v1/images/edits", data=data, files=files)

    assert (response.status_code, response.json()["error"]["param"]) == (400, "mask")
    assert await calls(gateway) == []


async def test_gemini_streams_its_drafts_and_its_image(gateway: Gateway) -> None:
    body = {"model": FLASH, "prompt": "a fox with-thoughts", "size": SMALL, "stream": True}
    async with gateway.http() as http:
        response = await http.post("/v1/images/generations", json=body | {"partial_images": 1})

    events = [json.loads(line[6:]) for line in response.text.splitlines() if line[:6] == "data: "]
    assert [event["type"] for event in events] == [
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    [call] = await calls(gateway)
    assert call["path"].endswith(":streamGenerateContent?alt=sse")


@pytest.mark.parametrize(
    ("model", "error", "code", "tries"),
    [
        ("denied", None, "provider_unauthorized", 1),
        ("lost", None, "provider_unavailable", 1),
        (FLASH, "FAILED_PRECONDITION", "provider_unauthorized", 1),
        (FLASH, "RESOURCE_EXHAUSTED", None, 2),
        (FLASH, "UNAVAILABLE", None, 2),
    ],
)
async def test_an_error_costs_nothing_and_is_tried_again_where_it_may_pass(
    tmp_path: Path, model: str, error: str | None, code: str | None, tries: int
) -> None:
    """Each on a gateway of its own, since an error opens the circuit of its binding."""
    manifests = [
        *served(),
        *copied("denied", vertexAi={"project": "denied-1"}),
        *copied("lost", regions=["us-central1"]),
    ]
    async with (
        running() as simulator,
        running_gateway(tmp_path, *manifests, simulator=simulator) as gateway,
    ):
        if error:
            await gateway.script({"error": f"vertex/{error}"})
        response = await gateway.generate(model=model, size=SMALL)

        assert len(await calls(gateway)) == tries
        assert code == (response.json()["error"]["code"] if response.is_error else None)
        is_charged = (await gateway.account()).balance < CREDITS_MICRO
        assert is_charged != response.is_error
        assert "denied-1" not in response.text


async def test_a_location_without_the_model_leads_to_the_next_one(gateway: Gateway) -> None:
    response = await gateway.generate(model="misplaced", size=SMALL)

    assert image_of(response).size == (512, 512)
    locations = [call["path"].split("/")[7] for call in await calls(gateway)]
    assert locations == ["us-central1", "global"]


async def test_a_field_that_names_a_bucket_is_refused(tmp_path: Path) -> None:
    """Even where the author of the model lists it."""
    listed: dict[str, Any] = {"spec": {"providerParameters": {"storageUri": []}}}
    manifests = [
        merged(item, listed) if item["metadata"]["name"] == IMAGEN else item for item in served()
    ]
    async with (
        running() as simulator,
        running_gateway(tmp_path, *manifests, simulator=simulator) as gateway,
    ):
        response = await gateway.generate(model=IMAGEN, storageUri="gs://bucket")

        assert (response.status_code, response.json()["error"]["param"]) == (400, "storageUri")
        assert await calls(gateway) == []
