"""The rules of generations hold for edits and variations, too."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tintype_gateway.ledger.interface import Policy
from tintype_gateway.storage.image_tools import ImageTools
from tintype_testing.edit_requests import (
    Part,
    data_url,
    editing_canvas,
    form,
    hole,
    media_type,
    square,
)
from tintype_testing.gateway import ACCOUNT, CREDITS_MICRO, Gateway, running_gateway
from tintype_testing.http import http_client
from tintype_testing.image_stores import folder_store
from tintype_testing.manifests import changed, image_model, provider_binding, qualities
from tintype_testing.metrics import metric
from tintype_testing.simulators import opened

PRICE = 640_000
EDITS, VARIATIONS = "/v1/images/edits", "/v1/images/variations"
MODEL, BINDING = editing_canvas()
MODEL = changed(MODEL, "spec.limits", {"maxImagesPerCall": 1, "maxImagesPerRequest": 10})
ABLE = {"edit": {"maxImages": 4, "mask": "Required"}}
FIDELITY = {
    "input_fidelity": {"handling": "Map", "values": {"low": "low", "high": "high"}},
}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with `canvas`, an image a call, and for messages with models that take more."""
    able = image_model("able", operations=ABLE, parameters=FIDELITY)
    plain = image_model("plain", operations={"generation": {}, "edit": {}})
    manifests = [
        *(MODEL, BINDING, able, provider_binding("able", model="able")),
        *(plain, provider_binding("plain", model="plain", upstreamModel="dall-e-2")),
    ]
    pair = {"edit": {"maxImages": 2}}
    parameters = qualities(low="low")
    manifests += [
        image_model("collage", operations=pair, parameters=parameters),
        provider_binding("collage", model="collage", upstreamModel="gpt-image-2"),
    ]
    images = ImageTools(store=folder_store(tmp_path / "images"))
    async with running_gateway(tmp_path, *manifests, images=images) as gateway:
        yield gateway


async def post(
    gateway: Gateway,
    path: str = EDITS,
    *files: Part,
    headers: Any = None,
    boundary: str = "b-0",
    **fields: Any,
) -> httpx2.Response:
    """Send a form with a prompt and one image, where the request does not say otherwise."""
    prompt = {} if path.startswith(VARIATIONS) else {"prompt": "a red fox"}
    texts = {"model": "canvas"} | prompt | fields
    parts = [Part(name, text) for name, text in texts.items() if text is not None]
    parts += files or (Part("image", square(), "1.png"),)
    sent: dict[str, str] = {"Content-Type": media_type(boundary)} | (headers or {})
    async with gateway.http() as http:
        return await http.post(path, content=form(parts, boundary), headers=sent)


def error_of(response: httpx2.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    error: dict[str, Any] = response.json()["error"]
    return error


PATHS = pytest.mark.parametrize("path", [EDITS, VARIATIONS])
QUOTED = pytest.mark.parametrize("path", [EDITS, f"{EDITS}/quote"])


@PATHS
async def test_fields_that_no_model_knows_are_refused_by_their_names(
    gateway: Gateway, path: str
) -> None:
    response = await post(gateway, path, qualty="low", n="11", model=None)

    assert response.status_code == 422
    faults = {fault["param"]: fault["code"] for fault in response.json()["errors"]}
    assert faults == {
        "qualty": "unknown_parameter",
        "n": "invalid_value",
        "model": "missing_required_parameter",
    }


async def test_a_prompt_is_unknown_to_variations_and_missed_by_edits(gateway: Gateway) -> None:
    varied = await post(gateway, VARIATIONS, prompt="a red fox")
    edited = await post(gateway, EDITS, prompt=None)

    assert error_of(varied, 422)["code"] == "unknown_parameter"
    assert error_of(edited, 400)["code"] == "missing_required_parameter"
    assert error_of(edited, 400)["param"] == "prompt"


@PATHS
async def test_an_unsupported_value_is_adjusted_and_reported(gateway: Gateway, path: str) -> None:
    response = await post(gateway, path, size="1000x900", style="vivid")

    assert response.status_code == 200, response.text
    adjusted = response.headers["Tintype-Adjusted"]
    assert adjusted == "style=stripped, size=1000x900->256x256"


@PATHS
async def test_strict_handling_refuses_to_adjust(gateway: Gateway, path: str) -> None:
    refused = await post(gateway, path, headers={"Prefer": "handling=strict"}, style="vivid")
    served = await post(gateway, path, headers={"Prefer": "handling=strict"}, size="256x256")

    assert error_of(refused, 400)["param"] == "style"
    assert served.headers["Preference-Applied"] == "handling=strict"
    assert await calls(gateway) == 1


async def calls(gateway: Gateway) -> int:
    return len(await gateway.upstream_calls())


@PATHS
async def test_a_provider_is_forced_by_header_and_by_prefix(gateway: Gateway, path: str) -> None:
    served = await post(gateway, path, model="openai/canvas")
    forced = await post(gateway, path, headers={"X-Tintype-Provider": "openai"})
    other = await post(gateway, path, headers={"X-Quantized-Provider": "bedrock"})

    assert served.json()["model"] == "openai/canvas"
    assert forced.headers["Tintype-Route"] == "openai/global/canvas-openai"
    assert error_of(other, 400)["code"] == "unknown_provider"


@pytest.mark.parametrize("path", [EDITS, VARIATIONS, f"{EDITS}/quote", f"{VARIATIONS}/quote"])
async def test_a_model_that_the_account_may_not_use_does_not_exist(
    gateway: Gateway, path: str
) -> None:
    await gateway.ledger.set_policy(ACCOUNT, Policy(frozenset({"plain"})))

    assert error_of(await post(gateway, path), 404)["code"] == "model_not_found"


TWO = (Part("image[]", square(), "1.png"), Part("image[]", square("red"), "2.png"))
MASKED = (Part("image", square(), "1.png"), Part("mask", hole(), "mask.png"))


@QUOTED
@pytest.mark.parametrize(
    ("files", "fields", "param"),
    [
        (TWO, {"model": "canvas"}, "image"),
        (MASKED, {"model": "plain"}, "mask"),
        ((), {"model": "canvas", "input_fidelity": "high"}, "input_fidelity"),
    ],
)
async def test_an_unsupported_input_is_refused_with_the_models_that_accept_it(
    gateway: Gateway, path: str, files: tuple[Part, ...], fields: dict[str, str], param: str
) -> None:
    named = error_of(await post(gateway, path, *files, **fields), 400)
    await gateway.ledger.set_policy(ACCOUNT, Policy(frozenset({"canvas", "plain"})))
    unnamed = error_of(await post(gateway, path, *files, **fields), 400)

    assert (named["code"], named["param"]) == ("unsupported_parameter", param)
    assert "able" in named["message"]
    assert "able" not in unnamed["message"]
    assert await calls(gateway) == 0


@pytest.mark.parametrize("files", [(Part("user", "x"),), ()], ids=["no image", "an image"])
async def test_a_required_image_or_mask_that_is_missing_is_named(
    gateway: Gateway, files: tuple[Part, ...]
) -> None:
    error = error_of(await post(gateway, EDITS, *files, model="able"), 400)

    assert error["code"] == "missing_required_parameter"
    assert error["param"] == ("image" if files else "mask")


async def test_the_error_of_an_unsupported_operation_names_the_supported_ones(
    gateway: Gateway,
) -> None:
    error = error_of(await post(gateway, VARIATIONS, model="plain"), 400)

    assert error["code"] == "unsupported_operation"
    assert "image_edit" in error["message"]


KEY = {"Idempotency-Key": "order-17"}


@PATHS
async def test_a_repeat_in_another_form_gets_the_first_response_again(
    gateway: Gateway, path: str
) -> None:
    first = await post(gateway, path, headers=KEY)
    renamed = Part("image", square(), "IMG_2.bin")
    repeat = await post(gateway, path, renamed, headers=KEY, boundary="another")

    assert (first.status_code, repeat.status_code) == (200, 200), first.text
    assert repeat.content == first.content
    assert repeat.headers["Idempotent-Replayed"] == "true"
    assert await calls(gateway) == 1
    assert (await gateway.account()).balance == CREDITS_MICRO - PRICE


async def test_another_image_mask_or_operation_is_another_request(gateway: Gateway) -> None:
    await post(gateway, headers=KEY)

    others = [
        await post(gateway, EDITS, Part("image", square("red"), "1.png"), headers=KEY),
        await post(gateway, EDITS, *MASKED, headers=KEY),
        await post(gateway, VARIATIONS, headers=KEY),
        await gateway.generate(KEY),
    ]
    assert [error_of(each, 409)["code"] for each in others] == ["idempotency_mismatch"] * 4


async def test_other_order_of_the_images_is_another_request(gateway: Gateway) -> None:
    fields = {"model": "collage", "quality": "low"}
    first = await post(gateway, EDITS, *TWO, headers=KEY, **fields)
    other = await post(gateway, EDITS, *reversed(TWO), headers=KEY, **fields)
    repeat = await post(gateway, EDITS, *TWO, headers=KEY, **fields)

    assert first.status_code == 200, first.text
    assert error_of(other, 409)["code"] == "idempotency_mismatch"
    assert repeat.content == first.content


@pytest.mark.parametrize("name", ["jpeg", "webp", "png"])
async def test_an_edit_comes_in_the_format_that_is_asked_for(gateway: Gateway, name: str) -> None:
    response = await post(gateway, output_format=name)

    body = response.json()
    assert body["output_format"] == name
    image = opened(base64.b64decode(body["data"][0]["b64_json"]))
    assert (image.format, body["size"]) == (name.upper(), "256x256")


@PATHS
async def test_an_edit_is_delivered_by_a_url(gateway: Gateway, path: str) -> None:
    response = await post(gateway, path, response_format="url")

    async with http_client() as http:
        file = await http.get(response.json()["data"][0]["url"])
    assert opened(file.content).size == (256, 256)


@PATHS
async def test_an_error_of_insufficient_credits_names_the_missing_amount(
    gateway: Gateway, path: str
) -> None:
    await gateway.ledger.create_account("poor", credits_micro=PRICE - 1)
    _, key = await gateway.ledger.create_key("poor")
    poor = {"Authorization": f"Bearer {key}"}

    for each in (path, f"{path}/quote"):
        response = await post(gateway, each, headers=poor)
        assert error_of(response, 402)["code"] == "insufficient_credits"
        assert response.json()["credits"] == {"required": PRICE, "available": PRICE - 1}
    assert await calls(gateway) == 0


@PATHS
async def test_a_stream_has_the_names_of_its_operation(gateway: Gateway, path: str) -> None:
    response = await post(gateway, path, stream="true", n="2")

    events = [block.partition("\ndata: ") for block in response.text.strip().split("\n\n")]
    kind = "image_edit" if path == EDITS else "image_variation"
    assert [name for name, _, _ in events] == [f"event: {kind}.completed"] * 2
    documents = [json.loads(data) for _, _, data in events]
    assert {document["index"] for document in documents} == {0, 1}
    assert sum(document["usage"]["credits_used"] for document in documents) == 2 * PRICE


@PATHS
async def test_images_that_failed_are_named_and_free(gateway: Gateway, path: str) -> None:
    await gateway.script({"damage": "empty_data"})

    response = await post(gateway, path, n="2")

    body = response.json()
    assert response.status_code == 200, response.text
    assert len(body["data"]) == body["usage"]["images"] == 1
    assert [fault["code"] for fault in body["errors"]] == ["outcome_unknown"]
    assert body["usage"]["credits_used"] == PRICE


@PATHS
async def test_a_quote_is_the_price_and_keeps_nothing(gateway: Gateway, path: str) -> None:
    before = await gateway.account()

    quote = await post(gateway, f"{path}/quote", n="2", size="1000x900")

    assert quote.status_code == 200, quote.text
    assert quote.json()["credits_ceiling"] == quote.json()["credits_expected"] == 2 * PRICE
    assert quote.json()["adjustments"] == ["size=1000x900->256x256"]
    assert await gateway.account() == before
    assert await calls(gateway) == 0
    assert metric("tintype_spool_bytes") == 0


@PATHS
async def test_the_fields_of_json_are_those_of_a_form(gateway: Gateway, path: str) -> None:
    prompt = {} if path == VARIATIONS else {"prompt": "a red fox", "mask": data_url(hole())}
    body = {"model": "canvas", "images": [data_url(square())], "n": 2} | prompt
    async with gateway.http() as http:
        response = await http.post(path, json=body)

    assert response.status_code == 200, response.text
    assert len(response.json()["data"]) == 2


async def test_the_fields_may_follow_the_files(gateway: Gateway) -> None:
    parts = [*MASKED, Part("prompt", "a red fox"), Part("model", "canvas")]
    async with gateway.http() as http:
        headers = {"Content-Type": media_type()}
        response = await http.post(EDITS, content=form(parts), headers=headers)

    assert response.status_code == 200, response.text
