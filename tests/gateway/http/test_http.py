"""Unusual requests that HTTP allows."""

import json
import zlib

import pytest

from tests.gateway.http.raw import connected, request
from tintype_testing.gateway import Gateway

BODY = json.dumps({"model": "canvas", "prompt": "a red fox"}).encode()


async def test_requests_on_one_connection_get_responses_in_order(gateway: Gateway) -> None:
    asking = f"Host: a\r\nAuthorization: Bearer {gateway.key}\r\n\r\n".encode()
    models, nothing = b"GET /v1/models HTTP/1.1\r\n", b"GET /v1/nothing HTTP/1.1\r\n"
    async with connected(gateway) as connection:
        await connection.send(models + asking + nothing + asking + models + asking)
        statuses = [(await connection.response()).status for _ in range(3)]

    assert statuses == [200, 404, 200]


async def test_a_body_may_come_in_chunks_with_extensions(gateway: Gateway) -> None:
    chunks = b"%x;name=value\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    async with connected(gateway) as connection:
        head = request(gateway, b"", "Transfer-Encoding: chunked", length=False)
        await connection.send(head + chunks)

        assert (await connection.response()).status == 200


async def test_a_client_may_wait_for_100_continue(gateway: Gateway) -> None:
    async with connected(gateway) as connection:
        head = request(gateway, BODY, "Expect: 100-continue").removesuffix(BODY)
        await connection.send(head)
        assert (await connection.response()).status == 100
        await connection.send(BODY)

        assert (await connection.response()).status == 200


async def test_any_other_expectation_is_refused(gateway: Gateway) -> None:
    async with connected(gateway) as connection:
        await connection.send(request(gateway, BODY, "Expect: tea"))
        response = await connection.response()

    assert (response.status, response.error()["code"]) == (417, "expectation_failed")


async def test_a_target_may_be_a_whole_url(gateway: Gateway) -> None:
    absolute = request(gateway, BODY).replace(b"POST /", b"POST http://elsewhere.example/", 1)
    async with connected(gateway) as connection:
        await connection.send(absolute)

        assert (await connection.response()).status == 200


@pytest.mark.parametrize(
    "line", [b"CONNECT gateway:80 HTTP/1.1", b"OPTIONS * HTTP/1.1", b"TRACE / HTTP/1.1"]
)
async def test_methods_of_proxies_lead_nowhere(gateway: Gateway, line: bytes) -> None:
    async with connected(gateway) as connection:
        await connection.send(line + b"\r\nHost: a\r\n\r\n")
        response = await connection.response()

    assert response.status in (400, 404, 405)


async def test_an_upgrade_is_declined(gateway: Gateway) -> None:
    async with connected(gateway) as connection:
        await connection.send(
            request(gateway, BODY, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c")
        )

        assert (await connection.response()).status != 101


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
async def test_a_compressed_body_is_refused_unread(gateway: Gateway, coding: str) -> None:
    bomb = zlib.compress(b" " * 10_000_000)
    async with connected(gateway) as connection:
        await connection.send(request(gateway, bomb, f"Content-Encoding: {coding}"))
        response = await connection.response()

    assert response.status == 415
    assert response.error()["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "multipart/form-data; boundary=x", "application/jsonp", "*/*", "json", "\xff"],
)
async def test_a_body_of_another_type_is_refused(gateway: Gateway, content_type: str) -> None:
    asking = request(gateway, BODY, f"Content-Type: {content_type}")
    async with connected(gateway) as connection:
        await connection.send(asking)

        assert (await connection.response()).status == 415


async def test_every_response_forbids_caching_and_sniffing(gateway: Gateway) -> None:
    async with gateway.http() as http:
        responses = [await http.get("/v1/credits"), await http.get("/nothing")]
    responses.append(await gateway.generate())

    for response in responses:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Server"].startswith("tintype/")
