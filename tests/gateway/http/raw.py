"""HTTP as bytes on a socket, for what no client library would send."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tintype_testing.gateway import Gateway

SECONDS = 50
"""A bound for every wait."""


class Response(NamedTuple):
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def error(self) -> dict[str, Any]:
        """Return what stands in OpenAI's envelope."""
        assert self.headers["content-type"].startswith("application/json"), self.body
        error: dict[str, Any] = json.loads(self.body)["error"]
        assert error.keys() == {"message", "type", "param", "code"}
        return error


class Connection:
    """One connection, on which anything can be sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def response(self) -> Response:
        """Read one whole response."""
        async with asyncio.timeout(SECONDS):
            head = await self._reader.readuntil(b"\r\n\r\n")
            status_line, *lines = head.decode("latin-1").strip().split("\r\n")
            pairs = (line.split(":", 1) for line in lines)
            headers = {name.lower(): value.strip() for name, value in pairs}
            return Response(int(status_line.split()[1]), headers, await self._body(headers))

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await self._reader.readexactly(int(headers.get("content-length", 0)))
        body = b""
        while length := int(await self._reader.readuntil(b"\r\n"), 16):
            body += (await self._reader.readexactly(length + 2))[:length]
        await self._reader.readexactly(2)  # no trailers
        return body

    async def rest(self) -> bytes:
        """Read until the server closes, or cuts, the connection."""
        async with asyncio.timeout(SECONDS):
            try:
                return await self._reader.read()
            except ConnectionError:
                return b""


@asynccontextmanager
async def connected(gateway: Gateway, port: str = "api") -> AsyncIterator[Connection]:
    """Connect to the API of a gateway, or to its `admin` port."""
    address = urlsplit(gateway.admin_url if port == "admin" else gateway.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.transport.abort()


def request(gateway: Gateway, body: bytes, *headers: str, length: bool = True) -> bytes:
    """Return a request for an image, with the account's key."""
    lines = [
        "POST /v1/images/generations HTTP/1.1",
        "Host: gateway",
        f"Authorization: Bearer {gateway.key}",
        *(["Content-Type: application/json"] if not _names(headers, "content-type") else []),
        *([f"Content-Length: {len(body)}"] if length else []),
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _names(headers: tuple[str, ...], name: str) -> bool:
    return any(header.lower().startswith(f"{name}:") for header in headers)
