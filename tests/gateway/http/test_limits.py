"""Requests that are too large, too many or too slow are refused, and cost nothing."""

import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.gateway.http.raw import connected, request
from tintype_gateway.http.connection import MAX_FIELD_BYTES, MAX_HEADERS, MAX_LINE_BYTES
from tintype_gateway.http.connection_limits import BodyPace, ConnectionLimits
from tintype_testing.gateway import MAX_REQUEST_BYTES, Gateway, canvas, running_gateway
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

HEAD = b"GET /v1/models HTTP/1.1\r\nHost: a\r\n"

OVERSIZED = {
    "a long path": (b"GET /" + b"x" * MAX_LINE_BYTES + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "a long header": (HEAD + b"X: " + b"x" * (MAX_FIELD_BYTES + 1) + b"\r\n\r\n", 431),
    "a long name of a header": (HEAD + b"X" * (MAX_FIELD_BYTES + 1) + b": x\r\n\r\n", 431),
    "many headers": (HEAD + b"X: x\r\n" * (MAX_HEADERS + 1) + b"\r\n", 431),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def impatient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway that waits for clients for two seconds."""
    folder = tmp_path_factory.mktemp("impatient")
    limits = ConnectionLimits(2, 2, BodyPace(grace_seconds=2))
    async with running_gateway(folder, *canvas(), connection_limits=limits) as gateway:
        yield gateway


@pytest.mark.parametrize("case", OVERSIZED)
async def test_a_head_that_is_too_large_is_refused(gateway: Gateway, case: str) -> None:
    content, status = OVERSIZED[case]
    async with connected(gateway) as connection:
        await connection.send(content)
        response = await connection.response()

    assert response.status == status
    assert response.error()["code"] in ("uri_too_long", "headers_too_large")
    assert response.headers["x-should-retry"] == "false"


async def test_a_head_that_goes_on_in_small_headers_is_cut(gateway: Gateway) -> None:
    before = metric("tintype_http_connections_cut_total", reason="large_head")
    async with connected(gateway) as connection:
        await connection.send(HEAD)
        await connection.send(b"".join(b"X%d: %s\r\n" % (n, b"x" * 8000) for n in range(20)))
        assert await connection.rest() == b""

    assert metric("tintype_http_connections_cut_total", reason="large_head") == before + 1


async def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(
    gateway: Gateway,
) -> None:
    head = request(gateway, b"", f"Content-Length: {MAX_REQUEST_BYTES + 1}", length=False)
    async with connected(gateway) as connection:
        await connection.send(head)
        response = await connection.response()

    assert response.status == 413
    assert response.error()["code"] == "payload_too_large"


async def test_a_body_that_turns_out_too_large_is_refused(gateway: Gateway) -> None:
    head = request(gateway, b"", "Transfer-Encoding: chunked", length=False)
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    async with connected(gateway) as connection:
        await connection.send(head + chunk * 3)
        response = await connection.response()

    assert response.status == 413


@pytest.mark.parametrize("sent", [b"", b"GET /v1/models HT", HEAD])
async def test_a_connection_without_a_complete_head_closes_at_the_deadline(
    impatient: Gateway, sent: bytes
) -> None:
    async with connected(impatient) as connection:
        await connection.send(sent)

        assert await connection.rest() == b""


async def test_a_second_head_has_a_deadline_too(impatient: Gateway) -> None:
    async with connected(impatient) as connection:
        await connection.send(HEAD + b"\r\n")
        assert (await connection.response()).status == 401
        await connection.send(b"GET /v1/mod")

        assert await connection.rest() == b""


async def test_an_idle_connection_outlives_the_deadline_of_a_head(impatient: Gateway) -> None:
    async with connected(impatient) as idle:
        await idle.send(HEAD + b"\r\n")
        assert (await idle.response()).status == 401
        async with connected(impatient) as silent:
            assert await silent.rest() == b""  # its deadline has passed
        await idle.send(HEAD + b"\r\n")

        assert (await idle.response()).status == 401


async def test_a_body_that_does_not_arrive_is_a_request_timeout(impatient: Gateway) -> None:
    async with connected(impatient) as connection:
        await connection.send(request(impatient, b'{"model"', "Content-Length: 9", length=False))
        response = await connection.response()

    assert response.status == 408
    assert response.error()["code"] == "request_timeout"


async def test_an_endless_chunk_extension_is_a_request_timeout(impatient: Gateway) -> None:
    async with connected(impatient) as connection:
        head = request(impatient, b"", "Transfer-Encoding: chunked", length=False)
        await connection.send(head + b"5;" + b"x" * 300_000)
        response = await connection.response()

    assert response.status == 408


async def test_a_client_that_does_not_read_its_response_is_disconnected(impatient: Gateway) -> None:
    asking = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"  # has the longest response
    before = metric("tintype_http_connections_cut_total", reason="stalled_reader")
    async with connected(impatient) as connection:
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        connection.writer.write(asking * 500)
        await eventually(
            lambda: metric("tintype_http_connections_cut_total", reason="stalled_reader") > before
        )


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 evil \x1b[31m\r\n\r\n",
        b"GET http://[evil/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://[]@/evil HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://[::1]@ HTTP/1.1\r\nHost: evil\r\n\r\n",
    ],
)
async def test_invalid_http_leaves_no_traceback_in_the_log(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    before = metric("tintype_http_requests_total", method="unknown", route="unknown", status="400")
    with caplog.at_level(logging.INFO):
        async with connected(gateway) as connection:
            await connection.send(sent)
            response = await connection.response()

    after = metric("tintype_http_requests_total", method="unknown", route="unknown", status="400")
    assert response.error()["code"] == "malformed_http"
    assert b"evil" not in response.body
    assert after == before + 1
    assert not [record for record in caplog.records if record.exc_info]
