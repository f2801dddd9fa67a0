"""HTTP clients that are made in no time, and what a server of a few lines needs."""

import http.client
import socket
import ssl
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import httpx2

_TLS = ssl.create_default_context()
"""One for all: each would read the machine's certificates again, for 20 ms, and none needs them."""


def http_client(base_url: str = "", **options: Any) -> httpx2.AsyncClient:
    """Return a client that sends just what it is given."""
    return httpx2.AsyncClient(base_url=base_url, verify=_TLS, timeout=60, **options)


def responded(request: str | Request, seconds: float = 60) -> tuple[int, bytes]:
    """Return status and body of a response of any status, for tests without an event loop.

    Raises:
        OSError: There is no response.
    """
    try:
        with urlopen(request, timeout=seconds) as response:  # noqa: S310 - loopback
            return response.status, response.read()
    except HTTPError as error:
        with error:  # it keeps the connection
            return error.code, error.read()


async def fetched(url: str) -> httpx2.Response:
    """Return the response to a GET without credentials."""
    async with http_client() as http:
        return await http.get(url)


def read_request(connection: socket.socket) -> None:
    """Read a whole request. A connection that is closed with bytes unread would be reset."""
    with connection.makefile("rb") as stream:
        stream.readline()
        headers = http.client.parse_headers(stream)
        stream.read(int(headers.get("Content-Length", 0)))
