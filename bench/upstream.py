"""A provider of minimal cost: sockets, and prebuilt responses.

`python -m bench.upstream --port 9100` runs it alone. The path selects the response:
`/DIALECT/BYTES/DELAY_MS/...`, such as `/openai-images/65536/0/v1/images/generations`, or
`/DIALECT/BYTES-MANIFEST/DELAY_MS/...` for an image with its C2PA manifest in another place, or
`/DIALECT/BYTESxCOUNT/DELAY_MS/...` for several images.
"""

import argparse
import asyncio
import re
import socket
from contextlib import suppress

from bench.cases import DIALECTS, MANIFESTS, upstream_response

READ_BYTES = 64 * 1024
BACKLOG = 4096

LARGE_BYTES = 256 * 1024
"""Of a longer body only the first bytes are kept, so that uploads take no memory here."""

_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

_TARGET = re.compile(rb"POST /([a-z-]+)/(\d+)(?:x(\d+))?(?:-([a-z]+))?/(\d+)/")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM = re.compile(rb'"stream": *true')


def split_request(received: bytes) -> tuple[bytes, bytes] | None:
    """Return the first request and what follows it, None while it is not there as a whole."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return None
    if b"chunked" in received[:head]:
        end = received.find(b"\r\n0\r\n\r\n", head)
        return None if end < 0 else (received[: end + 7], received[end + 7 :])
    found = _LENGTH.search(received, 0, head)
    end = head + 4 + (int(found[1]) if found else 0)
    return None if len(received) < end else (received[:end], received[end:])


def response_to(request: bytes) -> tuple[bytes, float]:
    """Return the response to a request, and the seconds after which it is sent.

    Raises:
        ValueError: The path names no response.
    """
    found = _TARGET.match(request)
    dialect = next((name for name in DIALECTS if found and name.encode() == found[1]), None)
    place = found[4] or b"first" if found else b""
    manifest = next((name for name in MANIFESTS if name.encode() == place), None)
    if found is None or dialect is None or manifest is None:
        raise ValueError(f"no such path: {request[:80]!r}")
    is_stream = _STREAM.search(request) is not None
    count = int(found[3] or 1)
    response = upstream_response(dialect, int(found[2]), is_stream, manifest, count)
    return response, int(found[5]) / 1000


async def serve_connection(connection: socket.socket) -> None:
    """Respond to one request after the other until the client disconnects."""
    loop = asyncio.get_running_loop()
    received = b""
    with connection, suppress(ConnectionError):
        while chunk := await loop.sock_recv(connection, READ_BYTES):
            received += chunk
            received = await _without_large_body(connection, received)
            while split := split_request(received):
                request, received = split
                try:
                    response, delay_seconds = response_to(request)
                except ValueError:  # a peer may ask for a list of models
                    response, delay_seconds = _NOT_FOUND, 0
                if delay_seconds:
                    await asyncio.sleep(delay_seconds)
                await loop.sock_sendall(connection, response)


async def _without_large_body(connection: socket.socket, received: bytes) -> bytes:
    """Read a large body to its end, and return its request as if it had only its first bytes."""
    head = received.find(b"\r\n\r\n")
    found = _LENGTH.search(received, 0, head) if head >= 0 else None
    if found is None or int(found[1]) < LARGE_BYTES:
        return received
    length, kept = int(found[1]), len(received) - head - 4
    loop, remaining = asyncio.get_running_loop(), length - kept
    while remaining:
        chunk = await loop.sock_recv(connection, min(READ_BYTES, remaining))
        if not chunk:
            raise ConnectionError("the upload broke off")
        remaining -= len(chunk)
    return received[: found.start(1)] + b"%d" % kept + received[found.end(1) :]


async def serve(port: int) -> None:
    """Print the address, and serve until cancelled."""
    loop = asyncio.get_running_loop()
    connections: set[asyncio.Task[None]] = set()
    with socket.create_server(("127.0.0.1", port), backlog=BACKLOG) as listener:
        listener.setblocking(False)
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            connection, _ = await loop.sock_accept(listener)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = asyncio.create_task(serve_connection(connection))
            connections.add(task)
            task.add_done_callback(connections.discard)


def main() -> None:
    """Serve on the port that is given, or a free one."""
    parser = argparse.ArgumentParser(prog="python -m bench.upstream", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
