"""A quote has the errors of the request that it quotes."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typing_extensions import override

from tests.gateway.api.test_every_model import ACTIVE
from tintype_gateway.upstream.credentials import CredentialSource
from tintype_testing.gateway import Gateway, canvas, running_gateway

REQUESTS_PER_MODEL = 4

VALUES: dict[str, list[Any]] = {
    "size": ["auto", "1x1", "512x512", "1024x1536", "9999x1"],
    "quality": ["standard", "hd", "low", "high", "auto", "premium"],
    "style": ["vivid", "natural"],
    "background": ["transparent", "opaque", "auto"],
    "output_format": ["png", "jpeg", "webp"],
    "output_compression": [0, 50, 100],
    "moderation": ["auto", "low"],
    "seed": [-1, 0, 2**31, 2**62],
    "negative_prompt": ["blurry", "x" * 600],
    "user": ["someone"],
    "response_format": ["b64_json", "url"],
    "stream": [True, False],
    "partial_images": [0, 2],
    "n": [1, 2, 11],
}
"""What a request may have, good and bad: the catalog says what a model makes of it."""


def requests(model: str) -> Iterator[dict[str, Any]]:
    dice = random.Random(model)  # noqa: S311 - dice, not keys
    for _ in range(REQUESTS_PER_MODEL):
        names = dice.sample(sorted(VALUES), dice.randint(1, 5))
        fields = {name: dice.choice(VALUES[name]) for name in names}
        yield {"model": model, "prompt": dice.choice(["a red fox", "a" * 1100])} | fields


def outcome(response: httpx2.Response) -> tuple[object, ...]:
    if response.status_code == 200:
        return (200,)
    error = response.json()["error"]
    return response.status_code, error["code"], error["param"]


async def both(
    gateway: Gateway, body: dict[str, Any], headers: dict[str, str] | None = None
) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """Return how a quote and its request end."""
    async with gateway.http() as http:
        quoted = await http.post("/v1/images/quote", json=body, headers=headers)
        made = await http.post("/v1/images/generations", json=body, headers=headers)
    return outcome(quoted), outcome(made)


@pytest.mark.parametrize("handling", ["lenient", "strict"])
async def test_a_quote_ends_as_its_request_does_on_every_model(
    tmp_path: Path, handling: str
) -> None:
    different = []
    async with running_gateway(tmp_path, unlimited=True) as gateway:
        for model in ACTIVE:
            for body in requests(model):
                quoted, made = await both(gateway, body, {"Prefer": f"handling={handling}"})
                if quoted != made:
                    different.append((body, quoted, made))

    assert different == []


@pytest.mark.parametrize("model", ["gpt-image-1", "gpt-image-1.5", "gpt-image-1-mini"])
async def test_jpeg_knows_no_transparency(tmp_path: Path, model: str) -> None:
    body = {"model": model, "prompt": "a red fox", "background": "transparent"}
    async with running_gateway(tmp_path) as gateway:
        quoted, made = await both(gateway, body | {"output_format": "jpeg"})
        calls = await gateway.upstream_calls()

    assert quoted == made == (400, "unsupported_value", "background")
    assert calls == []


async def test_a_quote_of_more_than_the_account_has_is_402(tmp_path: Path) -> None:
    body = {"model": "canvas", "prompt": "a red fox", "n": 2}
    async with running_gateway(tmp_path, *canvas(), credits_micro=1_000_000) as gateway:
        quoted, made = await both(gateway, body)
        affordable, _ = await both(gateway, body | {"n": 1})

    assert quoted == made == (402, "insufficient_credits", None)
    assert affordable == (200,)


class Partial(CredentialSource):
    """Credentials with one of two parts."""

    @override
    async def read(self, binding: Any) -> dict[str, str]:
        """Return a key without its secret."""
        return {"aws-access-key-id": "AKIA"}

    @override
    def headers(self, binding: Any) -> dict[str, str]:
        """Return none."""
        return {}


async def test_a_quote_needs_whole_credentials(tmp_path: Path) -> None:
    spec = {"provider": "bedrock", "dialect": "bedrock-amazon", "regions": ["us-east-1"]}
    async with running_gateway(tmp_path, *canvas(**spec), credentials=Partial()) as gateway:
        quoted, made = await both(gateway, {"model": "canvas", "prompt": "a red fox"})

    assert quoted == made == (503, "provider_unauthorized", None)


@pytest.mark.parametrize("model", ["amazon.titan-image-generator-v2:0", "amazon.nova-canvas-v1:0"])
async def test_a_negative_prompt_is_as_long_as_a_prompt_at_most(tmp_path: Path, model: str) -> None:
    body = {"model": model, "prompt": "a red fox", "negative_prompt": "x" * 1025}
    async with running_gateway(tmp_path) as gateway:
        quoted, made = await both(gateway, body)

    assert quoted == made == (400, "unsupported_value", "negative_prompt")
