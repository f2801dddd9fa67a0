"""Our responses go out in few packets: each one costs a system call, and wakes the client."""

import weakref
from collections.abc import AsyncGenerator, Iterable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from typing_extensions import override

from tintype_gateway.http.delivery import pass_on
from tintype_gateway.http.writer import WRITE_BYTES, ResponseWriter
from tintype_gateway.pipeline.client_presence import ClientPresence
from tintype_gateway.pipeline.json_serializer import OPENING, parts_of
from tintype_gateway.values.response import (
    JOINED_BYTES,
    Arriving,
    Chunk,
    End,
    Event,
    Head,
    Response,
    WrittenPart,
)
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


async def test_a_small_event_is_one_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    event = Event((b"data: ", memoryview(b"x" * 1000), b"\n\n"))

    body, writes = await written([Head({}), event, event, End(b"")], monkeypatch)

    assert body == b"".join(event.pieces) * 2
    assert writes[0].startswith(b"HTTP/1.1 200 OK")
    assert writes[1:] == [b"3f0\r\n" + b"".join(event.pieces) + b"\r\n", b"0\r\n\r\n"]


async def test_the_image_of_a_large_event_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    image = memoryview(b"x" * WRITE_BYTES)

    body, writes = await written([Head({}), Event((b"a", image, b"b")), End(b"")], monkeypatch)

    assert body == b"a" + image.tobytes() + b"b"
    assert writes[1:] == [image, b"b\r\n", b"0\r\n\r\n"]


async def test_no_piece_of_an_image_is_held_while_a_slow_client_is_waited_for() -> None:
    newest: list[weakref.ref[memoryview]] = []
    held: list[bool] = []

    class Watched(ResponseWriter):
        @override
        async def drained(self) -> None:
            held.append(newest[-1]() is not None)
            await super().drained()

    async def pieces() -> AsyncGenerator[memoryview, None]:
        for _ in range(3):
            piece = [memoryview(b"x" * JOINED_BYTES)]
            newest.append(weakref.ref(piece[0]))
            yield piece.pop()

    async def handle(request: web.Request) -> web.StreamResponse:
        response = Watched(request, {})
        await response.send(Head({}))
        await response.send(OPENING)
        await pass_on(Arriving(pieces()), ClientPresence(), response)
        await response.send(End(TAIL))
        return response

    app = web.Application()
    app.router.add_get("/", handle)
    async with TestClient(TestServer(app)) as client, client.get("/") as received:
        assert await received.read() == OPENING + b"x" * 3 * JOINED_BYTES + TAIL
    assert held == [False] * 3
