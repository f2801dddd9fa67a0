"""HTTP/1.0: where no length was announced, the end of the connection is the end of the body."""

import json
from pathlib import Path

import pytest

from tests.gateway.http.raw import connected
from tintype_testing.gateway import Gateway, running_gateway

LARGE = {"model": "gpt-image-1", "prompt": "a red fox", "size": "1024x1024"}


def asking(gateway: Gateway, body: bytes, path: str = "/v1/images/generations") -> bytes:
    lines = [
        f"{'POST' if body else 'GET'} {path} HTTP/1.0",
        "Connection: keep-alive",
        f"Authorization: Bearer {gateway.key}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.mark.parametrize("fields", [{}, {"stream": True}, {"stream": True, "partial_images": 1}])
async def test_the_connection_ends_with_a_body_of_unknown_length(
    tmp_path: Path, fields: dict[str, object]
) -> None:
    async with running_gateway(tmp_path) as gateway, connected(gateway) as connection:
        await connection.send(asking(gateway, json.dumps(LARGE | fields).encode()))
        head, _, body = (await connection.rest()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.0 200")
    for header in (b"content-length", b"transfer-encoding", b"keep-alive"):
        assert header not in head.lower()
    assert body.rstrip().endswith(b"}")


@pytest.mark.parametrize("port", ["api", "admin"])
async def test_a_connection_is_kept_after_a_body_of_known_length(
    gateway: Gateway, port: str
) -> None:
    path = "/v1/models" if port == "api" else "/status"
    async with connected(gateway, port) as connection:
        for _ in range(2):
            await connection.send(asking(gateway, b"", path))
            response = await connection.response()
            assert (response.status, response.headers["connection"]) == (200, "keep-alive")
