"""Pages of other origins call the API from a browser, where the settings say so."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tintype_gateway.api.openapi.parts import RESPONSE_HEADERS
from tintype_gateway.http.cors import EXPOSED
from tintype_gateway.settings import GatewaySettings
from tintype_testing.gateway import Gateway, canvas, running_gateway

STUDIO = "https://studio.example"
PREFLIGHT = {
    "Origin": STUDIO,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type,x-stainless-os, b(d,",
}


async def preflight(
    gateway: Gateway, path: str = "/v1/images/generations", **more: str
) -> tuple[int, dict[str, str]]:
    async with gateway.http() as http:
        response = await http.request("OPTIONS", path, headers=PREFLIGHT | more)
    return response.status_code, dict(response.headers)


@pytest.mark.parametrize("origins", [(STUDIO, "http://localhost:5173"), ("*",)])
async def test_a_preflight_allows_the_methods_of_the_path(
    tmp_path: Path, origins: tuple[str, ...]
) -> None:
    async with running_gateway(tmp_path, *canvas(), cors_origins=origins) as gateway:
        status, headers = await preflight(gateway)
        models = await preflight(gateway, "/v1/models/canvas")

    assert status == 204
    assert headers["access-control-allow-origin"] == (STUDIO if STUDIO in origins else "*")
    assert headers["access-control-allow-methods"] == "POST"
    assert headers["access-control-allow-headers"] == "authorization, content-type, x-stainless-os"
    assert headers["vary"] == "Origin, Access-Control-Request-Headers"
    assert "access-control-allow-credentials" not in headers
    assert models[1]["access-control-allow-methods"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("origins", "path", "origin", "status"),
    [
        ((), "/v1/models", STUDIO, 405),
        ((STUDIO,), "/v1/models", "https://other.example", 405),
        ((STUDIO,), "/v1/models", f"{STUDIO}.other.example", 405),
        ((STUDIO,), "/v1/models", "null", 405),
        ((STUDIO,), "/nothing", STUDIO, 404),
    ],
)
async def test_other_origins_and_paths_have_no_preflight(
    tmp_path: Path, origins: tuple[str, ...], path: str, origin: str, status: int
) -> None:
    async with running_gateway(tmp_path, *canvas(), cors_origins=origins) as gateway:
        actual, headers = await preflight(gateway, path, Origin=origin)

    assert actual == status
    assert "access-control-allow-methods" not in headers
    assert headers.get("access-control-allow-origin") == (STUDIO if status == 404 else None)


@pytest.mark.parametrize("fields", [{}, {"stream": True}, {"n": 11}, {"model": "nothing"}])
async def test_a_page_may_read_every_response_and_its_headers(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    async with running_gateway(tmp_path, *canvas(), cors_origins=(STUDIO,)) as gateway:
        response = await gateway.generate({"Origin": STUDIO}, **fields)
        elsewhere = await gateway.generate({"Origin": "https://other.example"}, **fields)
        direct = await gateway.generate(**fields)

    assert response.headers["Access-Control-Allow-Origin"] == STUDIO
    exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"x-request-id", "Tintype-Route", "Retry-After"} <= set(exposed)
    for other in (elsewhere, direct):
        assert "Access-Control-Allow-Origin" not in other.headers
        assert "Origin" in other.headers["Vary"]


async def test_documents_vary_with_key_and_origin(tmp_path: Path) -> None:
    running = running_gateway(tmp_path, *canvas(), cors_origins=(STUDIO,))
    async with running as gateway, gateway.http() as http:
        response = await http.get("/v1/models", headers={"Origin": STUDIO})

    assert response.headers["Vary"].startswith("Authorization, Origin")


def test_every_documented_header_is_exposed() -> None:
    assert {name.lower() for name in RESPONSE_HEADERS} <= {name.lower() for name in EXPOSED}


def test_origins_are_listed_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINTYPE_CORS_ORIGINS", f"{STUDIO}, http://localhost:5173,")

    assert GatewaySettings().cors_origins == (STUDIO, "http://localhost:5173")


@pytest.mark.parametrize(
    "origin", [f"{STUDIO}/", "studio.example", "https://a b", f"{STUDIO}/x", "*."]
)
def test_an_invalid_origin_is_refused(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINTYPE_CORS_ORIGINS", origin)

    with pytest.raises(ValidationError, match="cors_origins"):
        GatewaySettings()
