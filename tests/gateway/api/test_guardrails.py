"""A policy service judges prompts and images: the simulator's, by words of the prompt."""

import base64
import hashlib
import io
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from PIL import Image

from tests.gateway.webhooks.support import secret, secrets_file
from tintype_gateway.accounts import Policy
from tintype_gateway.storage.image_tools import ImageTools
from tintype_simulator.app import running
from tintype_simulator.policy import parse_secrets
from tintype_testing.edit_requests import data_url, editing_canvas, hole, square
from tintype_testing.gateway import ACCOUNT, Gateway, running_gateway
from tintype_testing.http import http_client
from tintype_testing.image_stores import folder_store
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

PRICE = 640_000
"""What an image of `canvas` costs."""

EDITS, VARIATIONS = "/v1/images/edits", "/v1/images/variations"


@asynccontextmanager
async def guarded(folder: Path, **settings: Any) -> AsyncIterator[Gateway]:
    """Run a gateway whose policy service is the simulator's."""
    async with running(policy_keys=parse_secrets(secret())) as simulator:
        given = {
            "guardrail_url": f"{simulator}/policy",
            "guardrail_secrets_file": secrets_file(folder, 1),
            **settings,
        }
        images = ImageTools(store=folder_store(folder / "images"))
        gateway_running = running_gateway(
            folder,
            *editing_canvas(),
            simulator=simulator,
            images=images,
            guardrail_settings=given,
        )
        async with gateway_running as gateway:
            yield gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway that fails closed, and has images judged by previews."""
    details = {"guardrail_input_images": "preview", "guardrail_output_images": "preview"}
    async with guarded(tmp_path_factory.mktemp("strict"), **details) as gateway:
        yield gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lenient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway that fails open, and has images judged by digests."""
    details = {
        "guardrail_on_failure": "open",
        "guardrail_input_images": "sha256",
        "guardrail_output_images": "sha256",
    }
    async with guarded(tmp_path_factory.mktemp("lenient"), **details) as gateway:
        yield gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway that has prompts judged alone."""
    async with guarded(tmp_path_factory.mktemp("plain")) as gateway:
        yield gateway


async def questions(gateway: Gateway) -> list[dict[str, Any]]:
    """Return what the policy service was asked since the last look."""
    async with http_client(gateway.simulator) as http:
        asked: list[dict[str, Any]] = (await http.get("/_simulator/policy")).json()
        await http.delete("/_simulator/policy")
    return asked


async def fresh(*gateways: Gateway) -> None:
    """Forget what was asked and called before."""
    for gateway in gateways:
        await questions(gateway)
        await gateway.forget_calls()


async def spent(gateway: Gateway) -> int:
    """Return what the account has spent or holds."""
    account = await gateway.account()
    assert account.available is not None
    return -account.available


def error_of(response: httpx2.Response) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]


async def test_the_service_learns_who_asks_for_what(plain: Gateway) -> None:
    await fresh(plain)

    response = await plain.generate(prompt="a red fox", user="ada", quality="hd")

    assert response.status_code == 200
    (question,) = await questions(plain)
    assert question == {
        "type": "guardrail.prompt",
        "request_id": response.headers["x-request-id"],
        "operation": "image_generation",
        "model": "canvas",
        "account": ACCOUNT,
        "user": "ada",
        "prompt": "a red fox",
        "parameters": {"user": "ada"},
        "images": [],
    }


async def test_a_denied_prompt_reaches_no_provider_and_costs_nothing(plain: Gateway) -> None:
    await fresh(plain)
    before = await spent(plain)

    response = await plain.generate(prompt="a banned fox")

    denied = (400, "content_policy", "the prompt has the word `banned`")
    assert error_of(response) == denied
    assert response.json()["error"]["type"] == "image_generation_user_error"
    assert response.headers["x-should-retry"] == "false"
    assert not await plain.has_called()
    assert await spent(plain) == before


async def test_a_replaced_prompt_is_what_the_provider_gets(plain: Gateway) -> None:
    await fresh(plain)

    response = await plain.generate(prompt="a swapped fox")

    assert response.headers["tintype-adjusted"].split(", ")[-1] == "prompt=replaced"
    assert [call["prompt"] for call in await plain.upstream_calls()] == ["a harmless fox"]


@pytest.mark.parametrize("path", [EDITS, VARIATIONS])
async def test_edits_and_variations_are_judged(plain: Gateway, path: str) -> None:
    await fresh(plain)
    is_edit = path == EDITS
    body = {"model": "canvas", "images": [data_url(square())]}

    async with plain.http() as http:
        response = await http.post(path, json=body | ({"prompt": "banned"} if is_edit else {}))

    assert response.status_code == (400 if is_edit else 200), response.text
    (question,) = await questions(plain)
    assert question["operation"] == ("image_edit" if is_edit else "image_variation")
    assert question["images"] == []


async def test_a_quote_is_not_judged(plain: Gateway) -> None:
    await fresh(plain)

    async with plain.http() as http:
        body = {"model": "canvas", "prompt": "a banned fox"}
        response = await http.post("/v1/images/quote", json=body)

    assert response.status_code == 200
    assert await questions(plain) == []


async def test_a_gateway_that_fails_closed_refuses_what_was_not_judged(strict: Gateway) -> None:
    await fresh(strict)
    refused = metric("tintype_guardrail_verdicts_total", check="prompt", verdict="failed_closed")
    before = await spent(strict)

    response = await strict.generate(prompt="an undecided fox")

    assert error_of(response)[:2] == (503, "guardrail_unavailable")
    assert response.headers["x-should-retry"] == "true"
    assert not await strict.has_called()
    assert await spent(strict) == before
    now = metric("tintype_guardrail_verdicts_total", check="prompt", verdict="failed_closed")
    assert now == refused + 1


async def test_a_gateway_that_fails_open_serves_what_was_not_judged(lenient: Gateway) -> None:
    opened = metric("tintype_guardrail_verdicts_total", check="prompt", verdict="failed_open")

    response = await lenient.generate(prompt="an undecided fox")

    assert response.status_code == 200
    now = metric("tintype_guardrail_verdicts_total", check="prompt", verdict="failed_open")
    assert now == opened + 1


async def test_an_exempt_account_is_not_judged(strict: Gateway) -> None:
    await fresh(strict)
    await strict.ledger.set_policy(ACCOUNT, Policy(guardrail_exempt=True))
    try:
        response = await strict.generate(prompt="a banned and indecent fox")
    finally:
        await strict.ledger.set_policy(ACCOUNT, Policy())

    assert response.status_code == 200
    assert await questions(strict) == []


async def test_an_input_image_is_named_by_its_digest(lenient: Gateway) -> None:
    await fresh(lenient)
    body = {"model": "canvas", "images": [data_url(square())], "prompt": "a hat"}

    async with lenient.http() as http:
        await http.post(EDITS, json=body)

    (image,) = (await questions(lenient))[0]["images"]
    assert image["sha256"] == hashlib.sha256(square()).hexdigest()
    assert (image["width"], image["height"], image["preview"]) == (64, 64, None)


async def test_an_input_image_is_shown_by_a_small_preview(strict: Gateway) -> None:
    await fresh(strict)
    body = {"model": "canvas", "images": [data_url(square(edge=1024))], "prompt": "a hat"}

    async with strict.http() as http:
        await http.post(EDITS, json=body | {"mask": data_url(hole(1024))})

    (image,) = (await questions(strict))[0]["images"]
    preview = Image.open(io.BytesIO(base64.b64decode(image["preview"])))
    assert (preview.format, preview.size) == ("JPEG", (512, 512))
    assert (image["width"], image["format"]) == (1024, "png")


async def test_a_made_image_is_judged_before_it_is_delivered(strict: Gateway) -> None:
    await fresh(strict)

    response = await strict.generate(prompt="a fox")

    content = base64.b64decode(response.json()["data"][0]["b64_json"])
    asked = (await questions(strict))[-1]
    (image,) = asked["images"]
    assert (asked["type"], asked["prompt"]) == ("guardrail.images", "a fox")
    assert image["sha256"] == hashlib.sha256(content).hexdigest()
    assert image["bytes"] == len(content)
    preview = Image.open(io.BytesIO(base64.b64decode(image["preview"])))
    assert preview.size == (256, 256)


@pytest.mark.parametrize(
    "fields",
    [{}, {"response_format": "url"}, {"n": 2}, {"output_format": "webp"}],
    ids=["plain", "url", "several", "converted"],
)
async def test_a_denied_image_is_not_delivered_and_not_charged(
    strict: Gateway, fields: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    await fresh(strict)
    labels = {"provider": "openai", "reason": "denied"}
    before = await spent(strict)
    lost = metric("tintype_unsettled_upstream_calls_total", **labels)

    response = await strict.generate(prompt="an indecent fox", **fields)

    assert error_of(response) == (400, "content_policy", "the image is indecent")
    calls = len(await strict.upstream_calls())
    assert calls >= 1
    assert await spent(strict) == before
    assert metric("tintype_unsettled_upstream_calls_total", **labels) == lost + calls


async def test_a_stream_ends_with_the_denial_and_has_no_preview(strict: Gateway) -> None:
    before = await spent(strict)

    response = await strict.generate(prompt="an indecent fox", stream=True, partial_images=2)

    assert "b64_json" not in response.text
    assert "content_policy" in response.text
    assert await spent(strict) == before


async def test_a_stream_of_judged_images_has_its_images_and_no_previews(strict: Gateway) -> None:
    response = await strict.generate(prompt="a fox", stream=True, partial_images=2)

    events = [line for line in response.text.splitlines() if line.startswith("event: ")]
    assert events == ["event: image_generation.completed"]


async def test_an_image_that_was_not_judged_is_withheld_where_the_gateway_fails_closed(
    strict: Gateway,
) -> None:
    before = await spent(strict)

    response = await strict.generate(prompt="an unjudged fox")

    assert error_of(response)[:2] == (503, "guardrail_unavailable")
    assert response.headers["x-should-retry"] == "false"
    assert await spent(strict) == before


async def test_an_image_that_was_not_judged_is_delivered_where_the_gateway_fails_open(
    lenient: Gateway,
) -> None:
    before = await spent(lenient)

    response = await lenient.generate(prompt="an unjudged fox")

    assert response.status_code == 200
    assert await spent(lenient) == before + PRICE


@pytest.mark.parametrize(
    ("prompt", "verdicts"),
    [
        ("a fox", ("allow", "allow")),
        ("a banned fox", ("deny", None)),
        ("a swapped fox", ("replace", "allow")),
        ("an indecent fox", ("allow", "deny")),
    ],
)
async def test_the_access_log_has_the_verdicts_and_no_log_has_the_prompt(
    strict: Gateway,
    caplog: pytest.LogCaptureFixture,
    prompt: str,
    verdicts: tuple[str | None, str | None],
) -> None:
    caplog.set_level(logging.DEBUG)

    await strict.generate(prompt=prompt)

    def access() -> list[dict[str, Any]]:
        return [vars(each) for each in caplog.records if each.name == "tintype.access"]

    await eventually(lambda: bool(access()))
    (line,) = access()
    assert (line.get("guardrail"), line.get("guardrail_images")) == verdicts
    shown = json.dumps([vars(record) for record in caplog.records], default=str)
    assert prompt not in shown
    assert "has the word" not in shown
    assert "is indecent" not in shown


async def test_a_verdict_is_timed(plain: Gateway) -> None:
    name, labels = "tintype_guardrail_duration_seconds_count", {"check": "prompt"}
    before = metric(name, **labels, outcome="allow")

    await plain.generate()

    assert metric(name, **labels, outcome="allow") == before + 1
