"""Helpers for requests to simulated providers."""

import base64
import io
import json

from openai.types import Image
from PIL import Image as PillowImage

from tintype_testing.http import http_client


def file_of(image: Image) -> bytes:
    """Return the file that an entry of `data` carries."""
    assert image.b64_json is not None
    return base64.b64decode(image.b64_json, validate=True)


def opened(file: bytes) -> PillowImage.Image:
    """Return the image in a file, fully decoded."""
    image = PillowImage.open(io.BytesIO(file))
    image.load()
    return image


def fault(**fields: object) -> dict[str, str]:
    """Return the headers of a request that shall meet a fault."""
    return {"X-Simulator-Fault": json.dumps(fields)}


async def script(simulator: str, *faults: dict[str, object]) -> None:
    """Set the faults of the next requests, in turn."""
    async with http_client() as http:
        response = await http.put(f"{simulator}/_simulator/faults", json=faults)
        assert response.status_code == 204, response.text


async def requests_received(simulator: str) -> list[dict[str, object]]:
    """Return the simulator's log of requests."""
    async with http_client() as http:
        response = await http.get(f"{simulator}/_simulator/requests")
        received: list[dict[str, object]] = response.json()
        return received


async def has_received(simulator: str) -> bool:
    """Return whether the simulator has received a request."""
    return bool(await requests_received(simulator))
