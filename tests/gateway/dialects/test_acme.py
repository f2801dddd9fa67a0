"""A dialect that was written from its page alone serves clients behind a running gateway."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.gateway.dialects import acme
from tests.gateway.dialects.examples import IMAGE
from tintype_gateway.api.response_headers import PROFILE_HEADER
from tintype_gateway.dialects.registry import get_dialect, register
from tintype_testing.gateway import CREDITS_MICRO, Gateway, running_gateway
from tintype_testing.manifests import image_model, per_token, provider_binding, tokens
from tintype_testing.sample_images import sample_image

SKETCH = sample_image("png", 64, 64).decode()
MADE = {"renders": [{"file": IMAGE}], "blocked": None, "tokens": {"in": 3, "out": 70}}


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    """Let the dialect take the name of another one, which manifests may have."""
    usual = get_dialect("openai-images")
    register("openai-images", acme)
    yield
    register("openai-images", usual)


class Provider:
    """Responds to each call as a test says."""

    def __init__(self, status: int, *documents: object, stream: bool = False) -> None:
        self.status = status
        self.documents = documents
        self.stream = stream
        self.asked: list[dict[str, Any]] = []

    async def render(self, request: web.Request) -> web.Response:
        assert request.headers["X-Acme-Key"] == "simulated"
        self.asked.append(await request.json())
        texts = map(json.dumps, self.documents)
        if self.stream:
            text = "".join(f"data: {text}\n\n" for text in texts)
            return web.Response(text=text, content_type="text/event-stream")
        headers = {"Retry-After": "7"} if self.status == 429 else {}
        return web.Response(
            text=next(texts), status=self.status, headers=headers, content_type="application/json"
        )


@asynccontextmanager
async def gateway_before(folder: Path, provider: Provider) -> AsyncIterator[Gateway]:
    app = web.Application()
    app.add_routes([web.post("/render", provider.render)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        manifests = (
            image_model(size={"mode": "List", "sizes": ["1024x1024"]}),
            provider_binding(
                endpoint=f"http://127.0.0.1:{runner.addresses[0][1]}",
                provider="acme",
                pricing=per_token(table=[tokens(1000)]),
            ),
        )
        async with running_gateway(folder, *manifests) as gateway:
            yield gateway
    finally:
        await runner.cleanup()


async def test_an_image_is_made_delivered_and_paid(tmp_path: Path) -> None:
    provider = Provider(200, MADE)
    async with gateway_before(tmp_path, provider) as gateway:
        response = await gateway.generate()

        assert response.status_code == 200, response.text
        assert [each["b64_json"] for each in response.json()["data"]] == [IMAGE]
        assert (await gateway.account()).balance < CREDITS_MICRO
    (asked,) = provider.asked
    assert (asked["text"], asked["px"], asked["count"]) == ("a red fox", [1024, 1024], 1)


async def test_a_stream_has_its_previews(tmp_path: Path) -> None:
    provider = Provider(200, {"sketch": SKETCH}, {"hello": 1}, {"done": MADE}, stream=True)
    async with gateway_before(tmp_path, provider) as gateway:
        response = await gateway.generate(stream=True, partial_images=1)

    lines = [line for line in response.text.splitlines() if line.startswith("data: {")]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [event["b64_json"] for event in events] == [SKETCH, IMAGE]
    assert provider.asked[0]["sketches"] == 1


@pytest.mark.parametrize(
    ("status", "document", "code"),
    [
        (400, {"fault": {"id": "TASTE", "text": "no foxes"}}, "moderation_blocked"),
        (429, {"fault": {"id": "BUSY", "text": "later"}}, "provider_throttled"),
        (500, {"fault": {"id": "DOWN", "text": "oops"}}, "outcome_unknown"),
        (200, {"renders": [], "blocked": "no foxes"}, "moderation_blocked"),
        (200, {"renders": [{"file": 7}]}, "outcome_unknown"),
        (200, ["nonsense"], "outcome_unknown"),
    ],
)
async def test_an_error_is_one_of_the_gateway(
    tmp_path: Path, status: int, document: object, code: str
) -> None:
    async with gateway_before(tmp_path, Provider(status, document)) as gateway:
        response = await gateway.generate(headers={PROFILE_HEADER: "openai"})

        assert response.json()["error"]["code"] == code, response.text
        assert response.status_code < 500 or response.status_code == 503
        assert (await gateway.account()).balance == CREDITS_MICRO
