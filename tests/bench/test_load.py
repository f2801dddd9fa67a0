"""The client of the benchmarks knows when a connection has had its last request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.load import Connection, connected
from tintype_testing.waiting import eventually

KEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ndone"
REQUEST = b"GET / HTTP/1.1\r\n\r\n"


@asynccontextmanager
async def connection_to(*responses: bytes) -> AsyncIterator[Connection]:
    """Connect to a server that gives these responses, and then closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for response in responses:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(response)
        await reader.read(len(REQUEST))
        writer.close()
        await writer.wait_closed()
        done.set()

    done = asyncio.Event()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        connection = await connected(server.sockets[0].getsockname())
        yield connection
        connection.close()
        await done.wait()


async def test_a_connection_is_kept_unless_the_response_closes_it() -> None:
    async with connection_to(KEPT, LAST) as connection:
        await connection.ask(REQUEST, 4)
        assert not connection.is_last

        await connection.ask(REQUEST, 4)
        assert connection.is_last


async def test_it_is_seen_that_the_other_side_has_closed() -> None:
    async with connection_to() as connection:
        assert not connection.was_closed()

        await connection._loop.sock_sendall(connection._socket, REQUEST)

        await eventually(connection.was_closed)
