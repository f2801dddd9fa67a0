"""The upstream and the client of the benchmark use the same requests and responses."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bench.cases import KIB, Case, upstream_response
from bench.load import Load, Request, at_once, steadily
from bench.targets import Target, upstream
from bench.upstream import response_to, split_request

POST = b"POST /openai-images/65536/0/v1/images/generations HTTP/1.1\r\n"


@pytest.fixture
async def direct() -> AsyncIterator[Target]:
    with upstream() as url:
        yield Target("direct", url)


def test_a_request_is_whole_when_its_body_is() -> None:
    request = POST + b"Content-Length: 4\r\n\r\nbody"

    assert split_request(request[:-1]) is None
    assert split_request(request) == (request, b"")
    assert split_request(request + b"POST") == (request, b"POST")


def test_a_chunked_request_is_whole_at_its_last_chunk() -> None:
    request = POST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"

    assert split_request(request[:-1]) is None
    assert split_request(request + b"next") == (request, b"next")


def test_the_path_selects_the_response_and_its_delay() -> None:
    plain = upstream_response("openai-images", 64 * KIB, stream=False)
    streamed = upstream_response("openai-images", 64 * KIB, stream=True)

    assert response_to(POST) == (plain, 0)
    assert response_to(POST + b'\r\n\r\n{"stream": true}') == (streamed, 0)
    assert response_to(POST.replace(b"/0/", b"/250/")) == (plain, 0.25)


def test_the_path_selects_the_place_of_the_manifest() -> None:
    last = upstream_response("openai-images", 64 * KIB, False, "last")

    assert response_to(POST.replace(b"65536", b"65536-last")) == (last, 0)


def test_the_path_selects_the_number_of_images() -> None:
    four = upstream_response("openai-images", 64 * KIB, stream=False, count=4)

    assert response_to(POST.replace(b"65536", b"65536x4")) == (four, 0)


@pytest.mark.parametrize("path", [b"/dall-e/1/0/v1", b"/openai-images/65536-middle/0/v1"])
def test_any_other_path_is_a_mistake(path: bytes) -> None:
    with pytest.raises(ValueError, match="no such path"):
        response_to(b"POST " + path + b"/images/generations HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("stream", [False, True])
async def test_clients_read_complete_responses(direct: Target, stream: bool) -> None:
    case = Case("openai-images", "64 KiB", 3, stream)

    load = await at_once(direct.request(case), case.concurrency)

    assert (len(load.latencies), load.failures) == (3, [])


async def test_clients_ask_again_until_the_time_is_over(direct: Target) -> None:
    request = direct.request(Case("openai-images", "64 KiB", 1))

    for seconds in (0.5, 5.0, 30.0):  # a busy machine may pause for the first of them
        load = await steadily(request, 1, seconds)
        if len(load.latencies) > 1:
            break

    assert len(load.latencies) > 1


async def test_a_response_that_is_too_short_is_a_failure(direct: Target) -> None:
    whole = direct.request(Case("openai-images", "64 KiB", 1))

    load = await at_once(Request(whole.url, whole.body, (), whole.response_bytes * 2), 1)

    assert "WrongResponseError: only" in load.failures[0]


async def test_a_status_other_than_200_is_a_failure() -> None:
    load = await _asked_of(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")

    assert "503 Busy" in load.failures[0]


async def test_a_connection_that_breaks_off_is_a_failure() -> None:
    load = await _asked_of(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    assert load.failures == ["WrongResponseError: the connection was closed"]


async def _asked_of(response: bytes) -> Load:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        writer.close()

    async with await asyncio.start_server(respond, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        return await at_once(Request(f"http://127.0.0.1:{port}/", b""), 1)
