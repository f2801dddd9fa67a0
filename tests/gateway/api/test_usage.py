"""Token counts that a provider gets wrong: the images are delivered at the table's figures."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.api.scripted import IMAGE, Script, completed, event, scripted
from tests.gateway.dialects.google_responses import gemini_response
from tests.gateway.upstream.dialect_manifests import speaking
from tintype_testing.faulty_server import faulty_server, http_response, says
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.manifests import per_image, per_token, tokens
from tintype_testing.metrics import metric

CHAT = {"prompt_tokens": 8, "completion_tokens": 272, "total_tokens": 280}
ZEROS = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
BY_TOKEN = per_token(table=[tokens(100)])
BY_IMAGE = per_image("0.040")

PER_USD = 16_000_000
TABLE = (9 * 5 + 100 * 30) * PER_USD // 1_000_000
"""Nine bytes of the prompt, and the hundred tokens of the table."""

LABELS = {"provider": "openai", "binding": "canvas-openai"}


def unusable(**labels: str) -> float:
    return metric("tintype_usage_unusable_total", **(LABELS | labels))


async def paid(gateway: Gateway) -> int:
    return CREDITS_MICRO - (await gateway.account()).balance


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize(
    ("pricing", "price"), [(BY_TOKEN, TABLE), (BY_IMAGE, 640_000)], ids=["token", "image"]
)
@pytest.mark.parametrize("usage", [CHAT, {}, ZEROS, [1], {"input_tokens": "8"}], ids=str)
async def test_an_image_with_unusable_counts_is_delivered_at_the_tables_figure(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    usage: object,
    pricing: dict[str, Any],
    price: int,
    stream: bool,
) -> None:
    before = unusable()
    plain = json.dumps({"created": 1, "data": [{"b64_json": IMAGE}], "usage": usage}).encode()
    last = event("image_generation.completed", b64_json=IMAGE, created_at=18, usage=usage)
    script = Script([last]) if stream else Script([plain], content_type="application/json")
    async with (
        scripted(script) as provider,
        running_gateway(
            tmp_path, *canvas(endpoint=provider.url, upstreamModel="gpt-image-2", pricing=pricing)
        ) as gateway,
    ):
        response = await gateway.generate(stream=stream)

        assert response.status_code == 200
        assert IMAGE in response.text
        assert await paid(gateway) == price
    assert unusable() == before + 1
    (line,) = [vars(each) for each in caplog.records if each.msg == "no usable token counts"]
    assert line["request_id"] == response.headers["x-request-id"]
    assert line["levelno"] == logging.WARNING


@pytest.mark.parametrize(("pricing", "counted"), [(BY_TOKEN, 1), (BY_IMAGE, 0)])
async def test_counts_that_are_missing_count_where_the_price_is_by_token(
    tmp_path: Path, pricing: dict[str, Any], counted: int
) -> None:
    before = unusable()
    plain = json.dumps({"created": 1, "data": [{"b64_json": IMAGE}], "usage": None}).encode()
    async with (
        scripted(Script([plain], content_type="application/json")) as provider,
        running_gateway(tmp_path, *canvas(endpoint=provider.url, pricing=pricing)) as gateway,
    ):
        assert (await gateway.generate()).status_code == 200
    assert unusable() == before + counted


async def test_counts_that_are_right_are_charged_and_no_warning(tmp_path: Path) -> None:
    before, pricing = unusable(), per_token(table=[tokens(400)])
    async with (
        scripted(Script([completed()])) as provider,
        running_gateway(
            tmp_path, *canvas(endpoint=provider.url, upstreamModel="gpt-image-2", pricing=pricing)
        ) as gateway,
    ):
        await gateway.generate(stream=True)

        assert await paid(gateway) == (8 * 5 + 272 * 30) * PER_USD // 1_000_000
    assert unusable() == before


async def test_geminis_counts_are_no_better_than_others(tmp_path: Path) -> None:
    labels = {"provider": "gemini"}
    before = unusable(**labels)
    body = json.dumps(gemini_response(usageMetadata={"candidatesTokenCount": "many"})).encode()
    async with faulty_server(says(http_response(body))) as provider:
        spec = speaking("google-generate-content") | {"pricing": BY_TOKEN}
        manifests = canvas(endpoint=provider.url, **spec)
        async with running_gateway(tmp_path, *manifests) as gateway:
            response = await gateway.generate()

            assert (response.status_code, await paid(gateway)) == (200, TABLE)
    assert unusable(**labels) == before + 1
