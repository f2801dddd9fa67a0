"""Our responses go out in few packets: each one costs a system call, and wakes the client."""

from collections.abc import Iterable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tintype_gateway.http.writer import ResponseWriter
from tintype_gateway.pipeline.json_serializer import JOINED_BYTES, OPENING, parts_of
from tintype_gateway.values.response import Chunk, End, Head, Response, WrittenPart
from tintype_testing.builders import RECEIPT

TAIL = b'"}]}'


async def written(
    parts: Iterable[WrittenPart], monkeypatch: pytest.MonkeyPatch
) -> tuple[bytes, list[bytes]]:
    """Return the body of a response as a client reads it, and what was written for it."""
    writes: list[bytes] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        write = transport.write

        def noted(data: bytes) -> None:
            writes.append(bytes(data))
            write(data)

        monkeypatch.setattr(transport, "write", noted)
        response = ResponseWriter(request, {})
        for part in parts:
            await response.send(part)
        return response

    app = web.Application()
    app.router.add_get("/", handle)
    async with TestClient(TestServer(app)) as client, client.get("/") as received:
        return await received.read(), writes


async def test_a_small_response_is_one_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = (OPENING, memoryview(b"x" * 1000), TAIL)

    body, writes = await written(parts_of(Response(pieces, {}, RECEIPT)), monkeypatch)

    assert body == b"".join(pieces)
    assert len(writes) == 1


async def test_the_images_of_a_large_response_are_not_copied_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pieces = (OPENING, memoryview(b"x" * JOINED_BYTES), TAIL)

    body, writes = await written(parts_of(Response(pieces, {}, RECEIPT)), monkeypatch)

    assert body == b"".join(pieces)
    assert writes[0].endswith(b"\r\n\r\n" + OPENING)
    assert writes[1:] == [pieces[1], TAIL]


async def test_head_and_tail_of_a_passed_through_response_go_with_its_first_and_last_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts: list[WrittenPart] = [Head({}), OPENING, b"xyz", End(TAIL)]

    body, writes = await written(parts, monkeypatch)

    assert body == OPENING + b"xyz" + TAIL
    assert writes[0].startswith(b"HTTP/1.1 200 OK")
    assert OPENING in writes[0]
    assert writes[-1].endswith(TAIL + b"\r\n0\r\n\r\n")
    assert len(writes) == 3


async def test_an_image_of_a_known_greatest_length_is_written_as_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    length = len(OPENING) + 100
    parts: list[WrittenPart] = [Head({}), Chunk(length), OPENING, b"x" * 60, b"y" * 20, End(TAIL)]

    body, writes = await written(parts, monkeypatch)

    assert body == (OPENING + b"x" * 60 + b"y" * 20 + TAIL).ljust(length)
    assert writes[0].endswith(b"\r\n\r\n%x\r\n" % length + OPENING)
    assert writes[1:3] == [b"x" * 60, b"y" * 20]
    assert len(writes) == 4
