"""Streams of every provider can be read with OpenAI's own client."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.types import Image, ImageGenCompletedEvent, ImageGenPartialImageEvent

from tests.gateway.api.scripted import (
    COMPLETED,
    IMAGE,
    PARTIAL,
    Script,
    ScriptedProvider,
    completed,
    event,
    partial_image,
    scripted,
)
from tintype_gateway.values.upstream import ResponseLimits
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.metrics import metric
from tintype_testing.simulators import file_of, opened

PRICE = 640_000
"""What an image of `canvas` costs."""

Event = dict[str, Any]


async def events(client: AsyncOpenAI, **fields: Any) -> list[Event]:
    """Return all events of a stream, as OpenAI's client reads them."""
    given: dict[str, Any] = {"prompt": "a red fox", "stream": True, **fields}
    stream = await client.images.generate(**given)
    return [each.model_dump() async for each in stream]


@asynccontextmanager
async def gateway_with(
    folder: Path,
    *scripts: Script,
    heartbeat_seconds: float = 15,
    limits: ResponseLimits | None = None,
    **spec: Any,
) -> AsyncIterator[tuple[Gateway, ScriptedProvider]]:
    """Run a gateway whose provider plays these scripts."""
    async with scripted(*scripts) as provider:
        manifests = canvas(endpoint=provider.url, upstreamModel="gpt-image-2", **spec)
        async with running_gateway(
            folder, *manifests, heartbeat_seconds=heartbeat_seconds, response_limits=limits
        ) as gateway:
            yield gateway, provider


@pytest.mark.parametrize(
    "model",
    [
        "gpt-image-1-mini",
        "amazon.nova-canvas-v1:0",
        "stability.stable-image-core-v1:1",
        "imagen-4.0-fast-generate-001",
        "gemini-3.1-flash-lite-image",
    ],
)
async def test_every_dialect_ends_in_a_completed_event_with_the_bill(
    gateway: Gateway, client: AsyncOpenAI, model: str
) -> None:
    (last,) = await events(client, model=model, quality="low")

    image = opened(file_of(Image(b64_json=last["b64_json"])))
    assert last["type"] == COMPLETED
    assert last["size"] == f"{image.width}x{image.height}"
    assert last["output_format"] == str(image.format).lower()
    account = await gateway.account()
    assert last["usage"]["credits_used"] == CREDITS_MICRO - account.balance > 0
    assert last["usage"]["credits_remaining"] == account.balance


async def test_a_streamed_image_equals_that_of_a_plain_response(client: AsyncOpenAI) -> None:
    asked = {"model": "gpt-image-1-mini", "prompt": "a red fox", "quality": "low"}
    plain: Any = await client.images.generate(**asked)  # type: ignore[call-overload]

    (last,) = await events(client, **asked)

    assert last["b64_json"] == plain.data[0].b64_json
    assert last["usage"]["credits_used"] == plain.usage.credits_used


async def test_previews_come_before_the_image_and_are_paid_for(client: AsyncOpenAI) -> None:
    asked = {"model": "gpt-image-1-mini", "quality": "low"}

    *previews, last = await events(client, **asked, partial_images=3)

    assert [(each["type"], each["partial_image_index"]) for each in previews] == [
        (PARTIAL, 0),
        (PARTIAL, 1),
        (PARTIAL, 2),
    ]
    assert {opened(file_of(Image(b64_json=each["b64_json"]))).size for each in previews} == {
        (1024, 1024)
    }
    assert last["usage"]["output_tokens"] == 272 + 300
    assert last["usage"]["credits_used"] == (572 * 8 + 2 * 2) * 16


async def test_the_client_gets_its_own_types(client: AsyncOpenAI) -> None:
    stream = await client.images.generate(
        model="gpt-image-1-mini",
        prompt="a red fox",
        quality="low",
        stream=True,
        partial_images=1,
    )

    kinds = [type(each) async for each in stream]
    assert kinds == [ImageGenPartialImageEvent, ImageGenCompletedEvent]


async def test_a_model_that_drafts_shows_its_drafts(client: AsyncOpenAI) -> None:
    asked = {"model": "gemini-3.1-flash-image", "prompt": "two-images of a fox"}

    draft, last = await events(client, **asked, partial_images=2)

    assert (draft["type"], last["type"]) == (PARTIAL, COMPLETED)
    assert draft["b64_json"] != last["b64_json"]


async def test_a_model_that_shows_its_thoughts_shows_the_drafts_among_them(
    client: AsyncOpenAI,
) -> None:
    thoughts = {"thinkingConfig": {"includeThoughts": True}}

    draft, last = await events(
        client, model="gemini-3.1-flash-image", partial_images=1, extra_body=thoughts
    )

    assert (draft["type"], last["type"]) == (PARTIAL, COMPLETED)


async def test_a_streamed_image_is_converted_like_any_other(client: AsyncOpenAI) -> None:
    (last,) = await events(client, model="amazon.nova-canvas-v1:0", output_format="jpeg")

    image = opened(file_of(Image(b64_json=last["b64_json"])))
    assert (image.format, last["output_format"]) == ("JPEG", "jpeg")


async def test_a_model_without_previews_says_so_in_a_header(gateway: Gateway) -> None:
    asked: dict[str, Any] = {"model": "amazon.nova-canvas-v1:0", "stream": True}
    asked["partial_images"] = 2

    lenient = await gateway.generate(**asked)
    strict = await gateway.generate({"Prefer": "handling=strict"}, **asked)

    assert lenient.headers["Tintype-Adjusted"] == "partial_images=stripped"
    assert lenient.text.count("event: ") == 1
    assert (strict.status_code, strict.json()["error"]["param"]) == (400, "partial_images")


async def test_each_of_several_images_has_its_event_and_its_share(
    gateway: Gateway, client: AsyncOpenAI
) -> None:
    received = await events(client, model="gpt-image-1-mini", quality="low", n=3)

    assert sorted(each["index"] for each in received) == [0, 1, 2]
    cost = (272 * 8 + 2 * 2) * 16
    assert [each["usage"]["credits_used"] for each in received] == [cost] * 3
    account = await gateway.account()
    assert account.balance == CREDITS_MICRO - 3 * cost
    assert received[-1]["usage"]["credits_remaining"] == account.balance
    assert ["credits_remaining" in each["usage"] for each in received] == [False, False, True]
    assert [call["n"] for call in await gateway.upstream_calls()] == [1, 1, 1]


async def test_images_come_as_they_are_finished(tmp_path: Path) -> None:
    gates = [asyncio.Event() for _ in range(3)]
    scripts = [Script([gate, completed()]) for gate in gates]
    async with gateway_with(tmp_path, *scripts) as (gateway, _), gateway.openai() as client:
        stream = await _begun(client, gates[2], n=3)
        received = [(await anext(stream)).model_dump()["index"]]
        for index in (0, 1):
            gates[index].set()
            received.append((await anext(stream)).model_dump()["index"])

    assert len(set(received)) == 3


async def _begun(client: AsyncOpenAI, gate: asyncio.Event, **fields: Any) -> Any:
    """Return a stream whose head arrives once the gate is open."""
    asked = {"model": "canvas", "prompt": "a red fox", "stream": True} | fields
    waiting = asyncio.create_task(client.images.generate(**asked))  # type: ignore[call-overload]
    await asyncio.sleep(0)
    gate.set()
    return aiter(await waiting)


async def test_the_frames_and_headers_are_those_of_the_standard(tmp_path: Path) -> None:
    async with gateway_with(tmp_path, Script([partial_image(), completed()])) as (gateway, _):
        response = await gateway.generate(stream=True, partial_images=1)

    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert response.headers["x-request-id"].startswith("req_")
    assert "Tintype-Cost-Micro-Credits" not in response.headers
    *frames, end = response.text.split("\n\n")
    assert end == ""
    for frame, kind in zip(frames, (PARTIAL, COMPLETED), strict=True):
        name, data = frame.split("\n")
        assert name == f"event: {kind}"
        assert json.loads(data.removeprefix("data: "))["type"] == kind


async def test_no_more_previews_come_than_were_asked_for(tmp_path: Path) -> None:
    previews = [partial_image(number) for number in range(9)]
    async with gateway_with(tmp_path, Script([*previews, completed()])) as (gateway, _):
        response = await gateway.generate(stream=True, partial_images=2)

    assert response.text.count(f"event: {PARTIAL}") == 2


async def test_a_preview_that_is_no_image_is_left_out(tmp_path: Path) -> None:
    script = Script([partial_image(base64="aGVsbG8="), partial_image(), completed()])
    async with gateway_with(tmp_path, script) as (gateway, _):
        response = await gateway.generate(stream=True, partial_images=2)

    assert response.text.count(f"event: {PARTIAL}") == 1
    assert '"partial_image_index": 0' in response.text


async def test_a_silent_stream_shows_that_it_lives(tmp_path: Path) -> None:
    gate = asyncio.Event()
    script = Script([gate, completed()])
    async with gateway_with(tmp_path, script, heartbeat_seconds=0.02) as (gateway, _):
        asked = {"model": "canvas", "prompt": "a red fox", "stream": True}
        async with (
            gateway.http() as http,
            http.stream("POST", "/v1/images/generations", json=asked) as response,
        ):
            chunks = response.aiter_text()
            first = await anext(chunks)
            gate.set()
            rest = "".join([chunk async for chunk in chunks])

    assert response.status_code == 200
    assert first.startswith(": ping\n\n")
    assert f"event: {COMPLETED}" in rest


async def test_clients_skip_the_signs_of_life(tmp_path: Path) -> None:
    gate = asyncio.Event()
    script = Script([gate, completed()])
    serving = gateway_with(tmp_path, script, heartbeat_seconds=0.02)
    async with serving as (gateway, _), gateway.openai() as client:
        asked = {"model": "canvas", "prompt": "a red fox", "stream": True}
        stream = await client.images.generate(**asked)  # type: ignore[call-overload]
        gate.set()
        assert [each.type async for each in stream] == [COMPLETED]


async def test_a_provider_that_ignores_the_wish_for_a_stream_is_understood(tmp_path: Path) -> None:
    body = json.dumps({"created": 9, "data": [{"b64_json": IMAGE}]}).encode()
    script = Script([body], content_type="application/json")
    async with gateway_with(tmp_path, script) as (gateway, _), gateway.openai() as client:
        (last,) = await events(client, model="canvas", partial_images=2)

    assert (last["b64_json"], last["created_at"]) == (IMAGE, 9)


async def test_content_refused_by_the_provider_is_a_flagged_event_and_free(
    gateway: Gateway, client: AsyncOpenAI
) -> None:
    before = await gateway.account()

    (last,) = await events(client, model="gemini-3.1-flash-image", prompt="a flagged fox")

    assert (last["type"], last["flagged"], last["b64_json"]) == (COMPLETED, True, "")
    assert (last["usage"]["images"], last["usage"]["credits_used"]) == (0, 0)
    assert await gateway.account() == before


async def test_images_refused_in_part_are_flagged_and_the_others_charged(
    gateway: Gateway, client: AsyncOpenAI
) -> None:
    asked = {"model": "amazon.nova-canvas-v1:0", "prompt": "a half-flagged fox", "n": 4}

    received = await events(client, **asked)

    delivered = [each for each in received if not each["flagged"]]
    assert 0 < len(delivered) < len(received) == 4
    assert sum(each["usage"]["credits_used"] for each in received) == PRICE * len(delivered)
    assert (await gateway.account()).balance == CREDITS_MICRO - PRICE * len(delivered)


async def test_a_quote_covers_the_previews(gateway: Gateway) -> None:
    asked = {"model": "gpt-image-1-mini", "prompt": "fox", "quality": "low", "n": 2}
    streamed = asked | {"stream": True, "partial_images": 3}
    async with gateway.http() as http:
        plain, quote = [
            (await http.post("/v1/images/quote", json=body)).json() for body in (asked, streamed)
        ]

    prompt_again = {"credits_ceiling": 3 * 2 * 16, "credits_expected": 1 * 2 * 16}
    for name, prompt in prompt_again.items():
        assert quote[name] - plain[name] == 2 * 300 * 8 * 16 + prompt
    assert quote["partial_images"] == 3


async def test_the_same_idempotency_key_never_pays_twice(tmp_path: Path) -> None:
    async with gateway_with(tmp_path, Script([completed()])) as (gateway, provider):
        key = {"Idempotency-Key": "order-17"}
        first = await gateway.generate(key, stream=True)
        repeat = await gateway.generate(key, stream=True)

        assert first.status_code == 200
        error = repeat.json()["error"]
        assert (repeat.status_code, error["code"]) == (409, "idempotency_replay_unavailable")
        assert (await gateway.account()).balance == CREDITS_MICRO - PRICE
        assert len(provider.bodies) == 1


async def test_the_access_log_describes_a_stream(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tintype.access")
    async with gateway_with(tmp_path, Script([completed()])) as (gateway, _):
        response = await gateway.generate(stream=True)

    (line,) = [vars(record) for record in caplog.records if record.name == "tintype.access"]
    assert (line["status"], line["cost_micro_credits"]) == (200, PRICE)
    assert line["bytes"] >= len(response.content)
    assert line["stream"] is True


@pytest.mark.parametrize(
    ("script", "kind"),
    [([partial_image(), completed()], "partial_image"), ([completed()], "completed")],
)
async def test_the_time_to_the_first_event_is_measured(
    tmp_path: Path, script: list[bytes], kind: str
) -> None:
    name = "tintype_stream_first_event_seconds_count"
    before = metric(name, provider="openai", event=kind)
    async with gateway_with(tmp_path, Script(script)) as (gateway, _):
        await gateway.generate(stream=True, partial_images=1)

    assert metric(name, provider="openai", event=kind) == before + 1


async def test_events_of_other_kinds_are_not_passed_on(tmp_path: Path) -> None:
    script = Script([event("keepalive"), b": hello\n\n", completed(), b"data: [DONE]\n\n"])
    async with gateway_with(tmp_path, script) as (gateway, _):
        response = await gateway.generate(stream=True)

    assert response.text.count("data: ") == 1


async def test_insufficient_credits_are_an_error_before_the_stream(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *canvas(), credits_micro=1) as gateway:
        response = await gateway.generate(stream=True)

    assert (response.status_code, response.json()["error"]["code"]) == (402, "insufficient_credits")
