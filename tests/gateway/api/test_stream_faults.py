"""Streams that go wrong: a proper error before anything was sent, an event after it, no bill."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from openai import APIError, APIStatusError

from tests.gateway.api.scripted import (
    COMPLETED,
    IMAGE,
    PARTIAL,
    Script,
    completed,
    event,
    partial_image,
    scripted,
)
from tests.gateway.api.test_outages import locked
from tests.gateway.api.test_provider_faults import LATER, unsettled
from tests.gateway.api.test_streams import PRICE, gateway_with
from tintype_catalog.catalog import Binding
from tintype_gateway.values.upstream import ResponseLimits
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

BLOCKED = {"code": "moderation_blocked", "type": "image_generation_user_error", "message": "no"}

UNKNOWN: dict[str, Script] = {
    "it ends at once": Script(),
    "it ends after a preview": Script([partial_image()]),
    "it hangs up at once": Script(cut=True),
    "it hangs up after a preview": Script([partial_image(), b"data: {"], cut=True),
    "it hangs up in the image": Script([completed()[:500]], cut=True),
    "its last event has no end": Script([completed()[:-1]]),
    "it sends a page": Script([b"<h1>Welcome</h1>\n\n"]),
    "it sends a page as one": Script([b"<h1>Welcome</h1>"], content_type="text/html"),
    "it sends another document": Script([b'{"object": "list"}'], content_type="application/json"),
    "it sends no JSON": Script([b"data: {nonsense}\n\n"]),
    "it sends no object": Script([b"data: [1]\n\n"]),
    "it sends other types": Script([completed(base64=[1])]),  # type: ignore[arg-type]
    "it sends what is no image": Script([completed(base64="aGVsbG8gd29ybGQh")]),
    "it sends what is no base64": Script([completed(base64="no base64")]),
    "it sends half an image": Script([completed(base64=IMAGE[: len(IMAGE) // 8 * 4 - 1])]),
    "it sends no image": Script([event(COMPLETED)]),
    "it sends an event that never ends": Script([b"data: " + b"x" * 100_000] * 5),
    "it sends only unknown events": Script([event("keepalive")] * 9),
}
"""Streams after which it is unknown whether the provider made and charges the image."""


async def money_is_back(gateway: Gateway) -> None:
    account = await gateway.account()
    assert (account.balance, account.held) == (CREDITS_MICRO, 0)


@pytest.mark.parametrize("case", UNKNOWN)
async def test_a_stream_without_an_image_is_a_clean_error_and_costs_nothing(
    tmp_path: Path, case: str
) -> None:
    limits = ResponseLimits(event_bytes=300_000)
    before = unsettled("outcome_unknown")
    async with gateway_with(tmp_path, UNKNOWN[case], limits=limits) as (gateway, _):
        response = await gateway.generate(stream=True)

        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (503, "outcome_unknown")
        assert response.headers["x-should-retry"] == "false"
        await money_is_back(gateway)
    assert unsettled("outcome_unknown") == before + 1


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"error": "openai/rate_limit_exceeded", **LATER}, 503, "provider_throttled"),
        ({"error": "openai/invalid_api_key"}, 503, "provider_unauthorized"),
        ({"error": "openai/server_error"}, 503, "outcome_unknown"),
        ({"error": "openai/moderation_blocked"}, 400, "moderation_blocked"),
        ({"status": 502, "body": "<h1>Bad Gateway</h1>"}, 503, "outcome_unknown"),
        ({"error": "openai/server_error", "after_frames": 0}, 503, "outcome_unknown"),
        (
            {"error": "openai/moderation_blocked_output", "after_frames": 0},
            400,
            "moderation_blocked",
        ),
        ({"cut_after_bytes": 0}, 503, "outcome_unknown"),
        ({"cut_after_bytes": 9000}, 503, "outcome_unknown"),
    ],
)
async def test_an_error_before_the_first_event_has_its_status(
    gateway: Gateway, fault: dict[str, object], status: int, code: str
) -> None:
    await gateway.script(fault)

    response = await gateway.generate(model="gpt-image-1-mini", quality="low", stream=True)

    assert response.headers["Content-Type"].startswith("application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    await money_is_back(gateway)


@pytest.mark.parametrize("model", ["gemini-3.1-flash-image", "amazon.nova-canvas-v1:0"])
async def test_so_it_has_with_the_other_providers(gateway: Gateway, model: str) -> None:
    await gateway.script({"cut_after_bytes": 50})

    response = await gateway.generate(model=model, stream=True, partial_images=1)

    assert (response.status_code, response.json()["error"]["code"]) == (503, "outcome_unknown")
    await money_is_back(gateway)


async def test_the_official_client_raises_the_class_of_the_status(gateway: Gateway) -> None:
    await gateway.script({"error": "openai/slow_down", **LATER})
    async with gateway.openai() as client:
        with pytest.raises(APIStatusError) as error:
            await client.images.generate(model="gpt-image-1-mini", prompt="a fox", stream=True)

    assert (error.value.status_code, error.value.code) == (503, "provider_throttled")
    assert error.value.response.headers["x-should-retry"] == "true"


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (event("error", error=BLOCKED), "moderation_blocked"),
        (event("error", error={"code": None, "type": "server_error"}), "outcome_unknown"),
        (b"data: {nonsense}\n\n", "outcome_unknown"),
        (b"", "outcome_unknown"),
    ],
)
async def test_an_error_in_the_middle_is_an_event_that_the_official_client_raises(
    tmp_path: Path, last: bytes, code: str
) -> None:
    script = Script([partial_image(), last])
    async with gateway_with(tmp_path, script) as (gateway, _), gateway.openai() as client:
        asked = {"model": "canvas", "prompt": "a fox", "stream": True, "partial_images": 1}
        stream = await client.images.generate(**asked)  # type: ignore[call-overload]
        iterator = aiter(stream)
        first = await anext(iterator)
        with pytest.raises(APIError) as error:
            await anext(iterator)

        assert first.type == PARTIAL
        assert error.value.code == code
        await money_is_back(gateway)


async def test_an_error_after_a_sign_of_life_is_an_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tintype.access")
    before, gate = counted_responses(503), asyncio.Event()
    script = Script([b"{}"], status=500, content_type="application/json", before=gate)
    async with gateway_with(tmp_path, script, heartbeat_seconds=0.02) as (gateway, _):
        asked = {"model": "canvas", "prompt": "a red fox", "stream": True}
        async with (
            gateway.http() as http,
            http.stream("POST", "/v1/images/generations", json=asked) as response,
        ):
            gate.set()
            text = (await response.aread()).decode()
        await money_is_back(gateway)

    data = json.loads(text.split("event: error\ndata: ")[1])
    assert data["type"] == "error"
    assert data["error"].keys() == {"message", "type", "param", "code"}
    assert data["error"]["code"] == "outcome_unknown"
    (line,) = [vars(record) for record in caplog.records if record.name == "tintype.access"]
    assert (line["status"], line["error"]) == (503, "outcome_unknown")
    assert line["levelname"] == "WARNING"
    assert counted_responses(503) == before + 1


def counted_responses(status: int) -> float:
    """Return how many requests for images ended with a status."""
    name, route = "tintype_http_requests_total", "/v1/images/generations"
    return metric(name, method="POST", route=route, status=str(status))


async def ended(gateway: Gateway, **fields: Any) -> list[dict[str, Any]]:
    """Return the data of all events of a stream."""
    response = await gateway.generate(stream=True, **fields)
    assert response.status_code == 200
    frames = response.text.split("\n\n")[:-1]
    return [json.loads(frame.split("\ndata: ")[1]) for frame in frames]


async def test_failed_images_are_reported_after_delivered_ones(tmp_path: Path) -> None:
    failure = Script([event("error", error=BLOCKED)])
    async with gateway_with(tmp_path, Script([completed()]), failure) as (gateway, _):
        whole, error = await ended(gateway, n=2)

        assert (whole["type"], error["type"]) == (COMPLETED, "error")
        assert error["error"]["code"] == "moderation_blocked"
        assert [(each["index"], each["code"]) for each in error["errors"]] == [
            (1 - whole["index"], "moderation_blocked")
        ]
        assert whole["usage"]["credits_used"] == PRICE
        assert (await gateway.account()).balance == CREDITS_MICRO - PRICE


async def test_a_failure_that_comes_last_does_not_change_the_bill(tmp_path: Path) -> None:
    gate = asyncio.Event()
    failure = Script([gate, event("error", error=BLOCKED)])
    async with gateway_with(tmp_path, Script([completed()]), failure) as (gateway, _):
        asked = {"model": "canvas", "prompt": "a fox", "stream": True, "n": 2}
        async with gateway.openai() as client:
            stream = await client.images.generate(**asked)  # type: ignore[call-overload]
            iterator = aiter(stream)
            first = (await anext(iterator)).model_dump()
            gate.set()
            with pytest.raises(APIError, match="no"):
                await anext(iterator)

        assert first["usage"]["credits_used"] == PRICE
        assert (await gateway.account()).balance == CREDITS_MICRO - PRICE


async def test_without_any_image_the_response_is_the_gravest_error(tmp_path: Path) -> None:
    scripts = [Script([event("error", error=BLOCKED)]), Script(cut=True)]
    async with gateway_with(tmp_path, *scripts) as (gateway, _):
        response = await gateway.generate(stream=True, n=2)

        assert (response.status_code, response.json()["error"]["code"]) == (503, "outcome_unknown")
        await money_is_back(gateway)


async def test_an_image_that_was_not_given_is_an_error_too(tmp_path: Path) -> None:
    body = {"data": [{"b64_json": IMAGE}] * 2}
    script = Script([json.dumps(body).encode()], content_type="application/json")
    async with scripted(script) as provider:
        manifests = canvas(
            endpoint=provider.url
        )  # dall-e-2 makes several at a time, and no streams
        manifests[0]["spec"]["limits"] = {"maxImagesPerCall": 10}
        async with running_gateway(tmp_path, *manifests) as gateway:
            *whole, error = await ended(gateway, n=3)

            assert [each["index"] for each in whole] == [0, 1]
            assert [each["usage"]["credits_used"] for each in whole] == [PRICE] * 2
            assert error["errors"][0]["index"] == 2
            assert error["error"]["code"] == "image_missing"
            assert (await gateway.account()).balance == CREDITS_MICRO - 2 * PRICE


async def test_an_image_that_could_not_be_settled_is_not_sent_and_its_preview_is_due(
    tmp_path: Path,
) -> None:
    gate = asyncio.Event()
    script = Script([partial_image(), gate, completed()])
    with_deadline = gateway_with(tmp_path, script, timeoutSeconds=5)
    async with with_deadline as (gateway, _), gateway.openai() as client:
        asked = {"model": "canvas", "prompt": "a fox", "stream": True, "partial_images": 1}
        stream = aiter(await client.images.generate(**asked))  # type: ignore[call-overload]
        preview = await anext(stream)
        with locked(gateway.ledger_path):
            gate.set()
            with pytest.raises(APIError) as error:
                await anext(stream)
            assert metric("tintype_settlements_outstanding") == 1

        assert preview.type == PARTIAL
        assert error.value.code == "outcome_unknown"
        await eventually(lambda: metric("tintype_settlements_outstanding") == 0)
        account = await gateway.account()
        assert (account.balance, account.held) == (CREDITS_MICRO - PRICE, 0)


class HalfCredentials:
    """Credentials that lack a part."""

    async def read(self, binding: Binding) -> dict[str, str]:
        return {"aws-access-key-id": "AKIDEXAMPLE"}

    def headers(self, binding: Binding) -> dict[str, str]:
        return {}


@pytest.mark.parametrize("stream", [False, True])
async def test_credentials_that_lack_a_part_are_the_gateways_fault(
    tmp_path: Path, stream: bool
) -> None:
    manifests = canvas(provider="bedrock", dialect="bedrock-amazon", regions=["us-east-1"])
    async with running_gateway(tmp_path, *manifests, credentials=HalfCredentials()) as gateway:
        response = await gateway.generate(stream=stream)

        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (503, "provider_unauthorized")
        await money_is_back(gateway)


async def test_a_defect_is_an_error_event_and_a_line_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tintype_gateway.upstream.executor.inspect", broken)
    async with gateway_with(tmp_path, Script([partial_image(), completed()])) as (gateway, _):
        _, error = await ended(gateway, partial_images=1)

        assert error["error"]["code"] == "internal_error"
        await money_is_back(gateway)
    assert "unexpected error" in [record.message for record in caplog.records]
