"""Manifests of hosted providers, served by a gateway, and what it was asked and charged."""

import asyncio
import base64
import io
from decimal import Decimal
from typing import Any

import httpx2
from PIL import Image

from tests.simulator.edited import photo
from tests.simulator.servers import SIZE, png, transparent_hole
from tintype_testing.gateway import Gateway
from tintype_testing.manifests import HOSTED, Manifest, read_manifests
from tintype_testing.metrics import metric
from tintype_testing.simulators import requests_received
from tintype_testing.waiting import eventually


def served(dialect: str) -> list[Manifest]:
    """Return the bindings of a dialect, made active, and their models."""
    manifests = read_manifests(HOSTED)
    bindings = [
        item | {"spec": item["spec"] | {"active": True}}
        for item in manifests
        if item["kind"] == "ProviderBinding" and item["spec"]["dialect"] == dialect
    ]
    names = {item["spec"]["modelRef"]["name"] for item in bindings}
    models = [
        item
        for item in manifests
        if item["kind"] == "ImageModel" and item["metadata"]["name"] in names
    ]
    return [*models, *bindings]


def files_of(response: httpx2.Response) -> list[bytes]:
    """Return the files in a response of the gateway."""
    assert response.status_code == 200, response.text
    return [base64.b64decode(entry["b64_json"]) for entry in response.json()["data"]]


def images_of(response: httpx2.Response) -> list[Image.Image]:
    """Return the images in a response of the gateway."""
    return [Image.open(io.BytesIO(file)) for file in files_of(response)]


def cost_of(response: httpx2.Response) -> int:
    """Return what a response cost, in micro-credits."""
    return int(response.headers["Tintype-Cost-Micro-Credits"])


def micro_credits(usd: str) -> int:
    """Return an amount of USD at the default rate."""
    return int(Decimal(usd) * 16_000_000)


def error_of(response: httpx2.Response) -> tuple[int, Any, Any]:
    """Return status, code and field of an error."""
    error = response.json()["error"]
    return response.status_code, error["code"], error["param"]


async def edit(
    gateway: Gateway, model: str, *, images: int = 1, mask: bool = False, **fields: str
) -> httpx2.Response:
    """Ask for an edit of photos, whose transparent region changes where there is a mask."""
    name = "image" if images == 1 else "image[]"
    files = [(name, ("photo.png", png(photo(SIZE)), "image/png"))] * images
    if mask:
        files = [*files, ("mask", ("mask.png", png(transparent_hole()), "image/png"))]
    async with gateway.http() as http:
        return await http.post(
            "/v1/images/edits", data={"model": model, "prompt": "a red fox"} | fields, files=files
        )


async def calls(gateway: Gateway, method: str = "POST") -> list[dict[str, Any]]:
    """Return the calls of a method that the provider received."""
    received: list[dict[str, Any]] = await requests_received(gateway.simulator)
    return [call for call in received if call["method"] == method]


async def left(gateway: Gateway, model: str, prompt: str) -> None:
    """Ask for an image, and leave as soon as the provider is polled for it."""
    request = asyncio.create_task(gateway.generate(model=model, prompt=prompt))

    async def is_polled() -> bool:
        return bool(await calls(gateway, "GET"))

    await eventually(is_polled)
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)


def unsettled(provider: str, reason: str) -> float:
    """Return how many calls a provider may charge for that no account paid, for a reason."""
    return metric("tintype_unsettled_upstream_calls_total", provider=provider, reason=reason)


def cancelled(provider: str) -> float:
    """Return how many tasks of a provider were cancelled."""
    return metric("tintype_provider_task_cancels_total", provider=provider, result="success")
