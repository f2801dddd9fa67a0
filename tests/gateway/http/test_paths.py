"""Slashes too many lead to the same resource."""

import pytest

from tests.gateway.http.raw import connected
from tintype_gateway.http.requests import plain_path
from tintype_testing.gateway import Gateway
from tintype_testing.http import http_client

BODY = {"model": "canvas", "prompt": "a red fox"}


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("/", "/"),
        ("//", "/"),
        ("/v1/models", "/v1/models"),
        ("/v1/models/", "/v1/models"),
        ("//v1//models//", "/v1/models"),
        ("/v1//images///generations/", "/v1/images/generations"),
        ("//v1///models//a//b/", "/v1/models/a//b/"),
        ("/v1/models/a%2Fb", "/v1/models/a%2Fb"),
        ("/v1//models/a%2F%2Fb%3A0", "/v1/models/a%2F%2Fb%3A0"),
        ("/v1/%2F/x/", "/v1/%2F/x"),
    ],
)
def test_slashes_are_removed_but_for_those_of_a_models_id(path: str, plain: str) -> None:
    assert plain_path(path) == plain


@pytest.mark.parametrize(
    "path", ["/v1//images/generations", "/v1/images/generations/", "//v1/images/generations"]
)
async def test_an_image_is_made_one_slash_away(gateway: Gateway, path: str) -> None:
    async with gateway.http() as http:
        response = await http.post(f"{gateway.url}{path}?from=a%2F%2Fb", json=BODY)

    assert response.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/models/", "/v1//models", "//v1/models/canvas", "/v1/models/canvas/", "//"),
        *("/v1/models//canvas", "/v1/credits/", "//openapi.json", "/playground//main.js"),
    ],
)
async def test_paths_with_an_extra_slash_are_found(gateway: Gateway, path: str) -> None:
    async with connected(gateway) as connection:
        head = f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {gateway.key}"
        await connection.send(f"{head}\r\n\r\n".encode())
        response = await connection.response()

    assert response.status == 200


@pytest.mark.parametrize("path", ["//healthz", "/readyz/", "/status//", "//metrics"])
async def test_the_admin_port_takes_them_too(gateway: Gateway, path: str) -> None:
    async with http_client(gateway.admin_url) as http:
        assert (await http.get(f"{gateway.admin_url}{path}")).status_code == 200


async def test_an_unknown_path_stays_unknown(gateway: Gateway) -> None:
    async with gateway.http() as http:
        response = await http.get("/v1//nothing/")

    assert (response.status_code, response.json()["error"]["code"]) == (404, "unknown_url")
