"""The profile of a response: who chooses it, and what it is through the whole gateway."""

import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI, BadRequestError
from openai.types import ImageGenCompletedEvent, ImagesResponse

from tests.gateway.api.scripted import COMPLETED
from tintype_gateway.api.openapi import responses
from tintype_gateway.ledger.interface import Policy, Profile
from tintype_gateway.storage.image_tools import ImageTools
from tintype_testing.gateway import ACCOUNT, CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.image_stores import folder_store

OPENAI = {"Tintype-Profile": "openai"}
NOVA = "amazon.nova-canvas-v1:0"
SCENES = [
    *("gpt-image-1-mini", NOVA, "amazon.titan-image-generator-v2:0"),
    *("stability.stable-image-core-v1:1", "imagen-4.0-fast-generate-001"),
    "gemini-2.5-flash-image",
]
"""A model of each dialect, and of each family of Amazon's."""

REFUSABLE = SCENES[1:]
"""Those whose provider withholds images of a response that is a success."""


def events_of(response: httpx2.Response) -> list[dict[str, Any]]:
    lines = [line for line in response.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


@pytest.mark.parametrize("default", ["router", "openai"])
@pytest.mark.parametrize("account", [None, "router", "openai"])
@pytest.mark.parametrize("header", [None, "router", "openai", "OpenAI"])
async def test_the_header_goes_before_the_account_and_that_before_the_setting(
    tmp_path: Path, default: Profile, account: Profile | None, header: str | None
) -> None:
    headers = {} if header is None else {"Tintype-Profile": header}
    async with running_gateway(tmp_path, *canvas(), profile=default) as gateway:
        await gateway.ledger.set_policy(ACCOUNT, Policy(response_profile=account))
        plain = await gateway.generate(headers)
        streamed = await gateway.generate(headers, stream=True)

    chosen = (header or account or default).lower()
    assert [each.headers["Tintype-Profile"] for each in (plain, streamed)] == [chosen] * 2
    assert ("flagged" in plain.json()["data"][0]) is (chosen == "router")
    assert ("flagged" in events_of(streamed)[-1]) is (chosen == "router")


@pytest.mark.parametrize("value", ["", "azure", "openai, router", "öpenai"])
async def test_an_unknown_profile_is_named_with_those_that_there_are(
    gateway: Gateway, value: str
) -> None:
    async with gateway.http() as http:
        refused = await http.post(
            "/v1/images/generations",
            json={"model": "gpt-image-1", "prompt": "fox"},
            headers={b"Tintype-Profile": value.encode()},
        )

    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (400, "unknown_profile")
    assert error["param"] == "Tintype-Profile"
    assert "router or openai" in error["message"]


async def test_errors_and_quotes_say_the_profile_as_well(gateway: Gateway) -> None:
    async with gateway.http() as http:
        body = {"model": "gpt-image-1", "prompt": "fox"}
        quote = await http.post("/v1/images/quote", json=body, headers=OPENAI)
    wrong = await gateway.generate(OPENAI, model="gpt-image-1", n=11)

    assert [quote.status_code, wrong.status_code] == [200, 422]
    assert [each.headers["Tintype-Profile"] for each in (quote, wrong)] == ["openai"] * 2


@pytest.mark.parametrize("model", SCENES)
async def test_every_dialect_responds_in_openais_types(gateway: Gateway, model: str) -> None:
    before = int(time.time())
    plain = await gateway.generate(OPENAI, model=model, n=2)
    streamed = await gateway.generate(OPENAI, model=model, n=2, stream=True)

    response = ImagesResponse.model_validate_json(plain.content, strict=True)
    assert responses.OpenAIImagesResponse.model_validate_json(plain.content)
    assert len(response.data or ()) == 2
    assert before <= response.created <= time.time() or model.startswith("gpt")
    events = events_of(streamed)
    assert [event["type"] for event in events] == [COMPLETED] * 2
    for event in events:
        assert ImageGenCompletedEvent.model_validate_json(json.dumps(event), strict=True)
        assert responses.OpenAICompletedEvent.model_validate(event)


@pytest.mark.parametrize("model", REFUSABLE)
async def test_when_nothing_is_delivered_it_is_openais_refusal_and_free(
    gateway: Gateway, model: str
) -> None:
    before = await gateway.account()

    plain = await gateway.generate(OPENAI, model=model, prompt="a flagged fox", n=2)
    streamed = await gateway.generate(OPENAI, model=model, prompt="a flagged fox", stream=True)

    for refused in (plain, streamed):
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "moderation_blocked"
        assert "the provider withheld the image: " in refused.json()["error"]["message"]
        assert refused.headers["x-should-retry"] == "false"
    assert await gateway.account() == before


@pytest.mark.parametrize("model", [NOVA, "imagen-4.0-fast-generate-001"])
async def test_images_refused_in_part_placeholder_the_errors_and_the_others_are_charged(
    gateway: Gateway, model: str
) -> None:
    plain = await gateway.generate(OPENAI, model=model, prompt="a half-flagged fox", n=4)

    body = plain.json()
    assert ImagesResponse.model_validate_json(plain.content, strict=True)
    assert responses.OpenAIImagesResponse.model_validate(body)
    assert len(body["data"]) + len(body["errors"]) == 4
    assert {error["code"] for error in body["errors"]} == {"moderation_blocked"}
    assert body["usage"]["images"] == len(body["data"])
    balance = (await gateway.account()).balance
    assert balance == CREDITS_MICRO - body["usage"]["credits_used"] < CREDITS_MICRO


async def test_in_a_stream_they_are_named_after_those_that_came(gateway: Gateway) -> None:
    streamed = await gateway.generate(
        OPENAI, model=NOVA, prompt="a half-flagged fox", n=4, stream=True
    )

    *delivered, last = events_of(streamed)
    assert [event["type"] for event in delivered] == [COMPLETED] * len(delivered)
    assert (last["type"], last["error"]["code"]) == ("error", "moderation_blocked")
    assert 0 < len(delivered) == 4 - len(last["errors"])
    charged = sum(event["usage"]["credits_used"] for event in delivered)
    assert (await gateway.account()).balance == CREDITS_MICRO - charged


async def test_openais_client_raises_the_errors_of_openais_api(gateway: Gateway) -> None:
    client: AsyncOpenAI
    async with gateway.openai(default_headers=OPENAI) as client:
        with pytest.raises(BadRequestError) as refused:
            await client.images.generate(model=NOVA, prompt="a flagged fox")

    assert refused.value.code == "moderation_blocked"
    assert refused.value.type == "image_generation_user_error"


async def test_a_large_image_that_is_passed_on_has_the_profile_too(gateway: Gateway) -> None:
    asked = {"model": "gpt-image-1", "quality": "high", "size": "1024x1024"}

    plain = await gateway.generate(OPENAI, **asked)

    assert plain.headers.get("Content-Length") is None, "it was not passed on"
    assert plain.headers["Tintype-Profile"] == "openai"
    assert ImagesResponse.model_validate_json(plain.content, strict=True)
    assert responses.OpenAIImagesResponse.model_validate_json(plain.content)


async def test_a_repeat_gets_the_first_response_in_its_profile(tmp_path: Path) -> None:
    images = ImageTools(store=folder_store(tmp_path / "images"))
    async with running_gateway(tmp_path, *canvas(), images=images) as gateway:
        key = {"Idempotency-Key": "order-17"}
        first = await gateway.generate(key | OPENAI)
        repeat = await gateway.generate(key | {"Tintype-Profile": "router"})

    assert repeat.content == first.content
    assert repeat.headers["Idempotent-Replayed"] == "true"
    assert repeat.headers["Tintype-Profile"] == "openai"


async def test_a_refusal_frees_its_idempotency_key(gateway: Gateway) -> None:
    asked = {"model": NOVA, "prompt": "a flagged fox"}
    key = {"Idempotency-Key": "order-17"}

    statuses = [
        (await gateway.generate(key | headers, **asked)).status_code for headers in (OPENAI, {})
    ]

    assert statuses == [400, 200]
    assert len(await gateway.upstream_calls()) == 2
