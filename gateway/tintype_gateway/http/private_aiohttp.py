"""Every private part of aiohttp's server that the gateway uses, and nothing else.

aiohttp's public interface has no custom connection classes, no count of a connection's requests,
and no control of when a head is sent. Another version may change these parts without notice, so
pyproject.toml has an upper bound, and tests/test_private_parts.py has a test for each.
"""

import asyncio
from abc import ABC, abstractmethod
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.http import StreamWriter
from aiohttp.web_protocol import RequestHandler
from typing_extensions import override

_INVALID = b"\0"
"""What lets the parser, which stays where its callback failed, refuse a request as invalid."""


class Connection(RequestHandler):
    """One client's connection."""

    __slots__ = ()

    @property
    def event_loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the connection."""
        return self._loop

    @property
    def request_count(self) -> int:
        """The number of complete request heads so far."""
        return self._request_count

    @override
    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        try:
            super().data_received(data)
        except IndexError:  # of yarl, for a target without a host such as `http://[]@/`
            super().data_received(_INVALID)

    def release_handler(self) -> None:
        """Do not cancel the handler of the current request when the connection is lost."""
        self._task_handler = None

    def is_between_requests(self) -> bool:
        """Return whether the connection waits for a request."""
        return self._waiter is not None and not self._waiter.done()


_Connection = TypeVar("_Connection", bound=Connection)


class Server(web.Server):
    """Creates the connections."""

    @property
    def connection_count(self) -> int:
        """The number of open connections. `connections` lists them, which takes longer."""
        return len(self._connections)

    def connect(self, kind: type[_Connection]) -> _Connection:
        """Return a new connection of this class, with the options of the server."""
        return kind(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner, ABC):
    """Serves an application with a custom server."""

    @abstractmethod
    def adapted(self, made: web.Server, options: dict[str, Any]) -> Server:
        """Return the server that replaces aiohttp's own, with the same options."""

    @override
    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return self.adapted(made, made._kwargs)


class HeadWithBody(web.StreamResponse):
    """A response whose head waits for the first bytes of its body: one packet instead of two."""

    _send_headers_immediately = False

    def take_chunks(self) -> bool:
        """Write what is written from now on as it is; return whether it must be framed as chunks.

        To be called once the response is prepared.
        """
        writer = self._stream_writer()
        is_chunked, writer.chunked = writer.chunked, False
        return is_chunked

    async def put(self, data: bytes | memoryview) -> None:
        """Write without waiting for a slow client, so that `drained` can, when `data` is freed."""
        await self._stream_writer().write(data, drain=False)

    async def drained(self) -> None:
        """Wait until a slow client has read most of what was written."""
        await self._stream_writer().drain()

    def _stream_writer(self) -> StreamWriter:
        writer = self._payload_writer
        assert isinstance(writer, StreamWriter)  # noqa: S101 - the response is prepared
        return writer
