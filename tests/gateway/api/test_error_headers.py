"""Every error of the API has OpenAI's envelope, and says whether the SDKs may try again."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.gateway.http.raw import Response, connected, request
from tintype_gateway.api.openapi.errors import FAULTS
from tintype_gateway.http.connection_limits import BodyPace, ConnectionLimits
from tintype_gateway.ledger.interface import Policy
from tintype_gateway.pipeline.pipeline import Pipeline
from tintype_gateway.storage.folder import PATH
from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.storage.links import KEY_BYTES, Links
from tintype_testing.gateway import ACCOUNT, MAX_REQUEST_BYTES, Gateway, canvas, running_gateway
from tintype_testing.image_stores import folder_store
from tintype_testing.manifests import image_model, per_image, provider_binding

STATUSES = [*FAULTS, 500]
"""All that are documented, and that of a defect."""

FILE = f"images/{'0' * 32}.png"

LINK = f"{PATH}/{FILE}?expires=9&signature=x"


def image(**fields: object) -> bytes:
    return json.dumps({"model": "canvas", "prompt": "a red fox"} | fields).encode()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode()


SENT: dict[int, Callable[[Gateway], bytes]] = {
    400: lambda gateway: request(gateway, b"{"),
    401: lambda _: get("/v1/models"),
    402: lambda gateway: request(gateway, image(model="mural")),
    403: lambda _: get(LINK),
    404: lambda _: get("/v2"),
    405: lambda _: get("/v1/images/generations"),
    408: lambda gateway: request(gateway, b"", "Content-Length: 9", length=False),
    409: lambda gateway: request(gateway, image(prompt="a cat"), "Idempotency-Key: 1"),
    413: lambda gateway: request(gateway, b" " * (MAX_REQUEST_BYTES + 1)),
    414: lambda _: get("/" + "x" * 10_000),
    415: lambda gateway: request(gateway, image(), "Content-Type: text/plain"),
    416: lambda _: get(
        f"{PATH}/{FILE}?{Links(bytes(KEY_BYTES)).query(FILE, 60)} HTTP/1.1\r\nRange: bytes=9-\r\nX:"
    ),
    417: lambda _: get("/v1/models HTTP/1.1\r\nExpect: later\r\nX:"),
    422: lambda gateway: request(gateway, b"{}"),
    429: lambda gateway: request(gateway, image()),
    431: lambda _: get("/ HTTP/1.1\r\nX: " + "x" * 40_000 + "\r\nY:"),
    500: lambda gateway: request(gateway, image()),
    503: lambda gateway: request(gateway, image()),
}
"""What is sent to get each status, after the circumstances that it takes."""


@pytest.fixture
async def gateway(tmp_path: Path, limits: ConnectionLimits) -> AsyncIterator[Gateway]:
    mural = [
        image_model("mural"),
        provider_binding(model="mural", upstreamModel="dall-e-2", pricing=per_image("1000")),
    ]
    images = ImageTools(store=folder_store(tmp_path / "images"))
    async with running_gateway(
        tmp_path, *canvas(), *mural, images=images, connection_limits=limits
    ) as gateway:
        yield gateway


@pytest.fixture
def limits(request: pytest.FixtureRequest) -> ConnectionLimits:
    """The usual limits, but for the status of a body that does not come."""
    usual = ConnectionLimits()
    is_hasty = "status" in request.fixturenames and request.getfixturevalue("status") == 408
    return replace(usual, body=BodyPace(grace_seconds=0.05)) if is_hasty else usual


async def prepare(status: int, gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
    """Bring about the circumstances of a status."""
    match status:
        case 409:
            await gateway.generate({"Idempotency-Key": "1"})
        case 416:
            await folder_store(gateway.ledger_path.parent / "images").put(FILE, b"", "", 60)
        case 429:
            await gateway.ledger.set_policy(ACCOUNT, Policy(requests_per_minute=1))
            await gateway.generate()
        case 500:
            patch.setattr(Pipeline, "authenticate", _broken)
        case 503:
            await gateway.script({"error": "openai/server_error"})


def _broken(*_: object) -> None:
    raise ZeroDivisionError


async def asked(gateway: Gateway, sent: bytes) -> Response:
    async with connected(gateway) as connection:
        await connection.send(sent)
        return await connection.response()


@pytest.mark.parametrize("status", STATUSES)
async def test_an_error_of_each_status_is_complete(
    gateway: Gateway, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepare(status, gateway, monkeypatch)

    response = await asked(gateway, SENT[status](gateway))

    error = response.error()  # checks the four keys
    assert response.status == status
    assert error["message"]
    assert error["type"]
    assert status == 500 or error["code"] in FAULTS[status].codes
    assert response.headers["x-should-retry"] in ("true", "false")


@pytest.mark.parametrize("path", ["/v1/models", "/openapi.json", "/", "/v2", LINK])
async def test_responses_forbid_content_sniffing(gateway: Gateway, path: str) -> None:
    response = await asked(gateway, get(path))

    assert response.headers["x-content-type-options"] == "nosniff"


async def test_a_response_to_a_key_is_not_cached(gateway: Gateway) -> None:
    response = await asked(gateway, request(gateway, image()))

    assert response.status == 200
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
