"""A gateway before a misbehaving provider, and what must be true after each of its responses."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tintype_gateway.values.upstream import ResponseLimits
from tintype_testing.faulty_server import Behavior, FaultyProvider, faulty_server
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.metrics import metric

DIALECTS = {
    "openai-images": "openai",
    "bedrock-amazon": "bedrock",
    "bedrock-stability": "bedrock",
    "google-predict": "gemini",
    "google-generate-content": "gemini",
    "xai-images": "xai",
    "bfl": "bfl",
}
"""Each wire protocol, and a provider that speaks it."""


@asynccontextmanager
async def gateway_before(
    folder: Path, behavior: Behavior, limits: ResponseLimits | None = None, **spec: Any
) -> AsyncIterator[tuple[Gateway, FaultyProvider]]:
    """Run a gateway whose only provider behaves so."""
    async with faulty_server(behavior) as provider:
        manifests = canvas(**{"endpoint": provider.url, "upstreamModel": "gpt-image-2"} | spec)
        async with running_gateway(folder, *manifests, response_limits=limits) as gateway:
            yield gateway, provider


def speaking(dialect: str) -> dict[str, Any]:
    """Return the fields of a binding that speaks a protocol."""
    regions = {"regions": ["us-east-1"]} if dialect.startswith("bedrock") else {}
    return {"dialect": dialect, "provider": DIALECTS[dialect]} | regions


@contextmanager
def counted_as(outcome: str, provider: str = "openai") -> Iterator[None]:
    """Expect that the calls of the block are counted with this outcome."""
    labels = {"provider": provider, "model": "canvas", "outcome": outcome}
    before = metric("tintype_provider_requests_total", **labels)
    yield
    assert metric("tintype_provider_requests_total", **labels) > before


async def is_refused(gateway: Gateway, response: httpx2.Response, status: int, code: str) -> None:
    """Expect a well-formed error that cost the account nothing."""
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert error.keys() == {"message", "type", "param", "code"}
    assert response.headers["x-should-retry"] in ("true", "false")
    account = await gateway.account()
    assert (account.balance, account.held) == (CREDITS_MICRO, 0)
