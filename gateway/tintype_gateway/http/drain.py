"""aiohttp's server with the gateway's own connection class, and its drain at shutdown."""

import asyncio
import resource
from contextlib import suppress
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from typing_extensions import override

from tintype_gateway.http.connection import (
    MAX_FIELD_BYTES,
    MAX_HEADERS,
    MAX_LINE_BYTES,
    ClientConnection,
)
from tintype_gateway.http.connection_limits import ConnectionLimits
from tintype_gateway.http.private_aiohttp import Runner, Server
from tintype_gateway.http.requests import handling, with_plain_paths

IDLE_SECONDS = 75
"""The keep-alive time of a connection: longer than that of load balancers."""

LINGER_SECONDS = 2
"""How long the server reads on from a refused body, so that the client can read the error."""

GRACE_PERIOD_SECONDS = 6
"""How long idle connections may bring one more request at shutdown, which becomes their last.
OpenAI's SDKs do not reuse a connection that was idle for 5 s, so no request is lost."""

MAX_CONNECTIONS = 20_000
"""The default limit of client connections, if the process may open enough files."""


def create_runner(
    app: web.Application,
    drain_seconds: float,
    max_connections: int | None = None,
    grace_period_seconds: float = 0,
    limits: ConnectionLimits | None = None,
) -> web.AppRunner:
    """Return the runner of an application; at shutdown, requests in flight get `drain_seconds`.

    Before that, idle connections have `grace_period_seconds` for requests that are being sent.
    Above `max_connections`, or the process's limit of open files, new connections are closed.
    """
    return _Runner(
        app,
        max_connections or _room_for_connections(),
        grace_period_seconds,
        limits or ConnectionLimits(),
        access_log=None,
        auto_decompress=False,
        handler_cancellation=True,
        keepalive_timeout=IDLE_SECONDS,
        lingering_time=LINGER_SECONDS,
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_FIELD_BYTES,
        max_headers=MAX_HEADERS,
        shutdown_timeout=drain_seconds,
    )


def _room_for_connections() -> int:
    """Reserve a quarter of the open files for connections to providers and to the ledger."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        MAX_CONNECTIONS if files == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, files // 4 * 3)
    )


class _Server(Server):
    max_connections = MAX_CONNECTIONS
    limits = ConnectionLimits()

    @override
    def __call__(self) -> ClientConnection:
        connection = self.connect(ClientConnection)
        connection.limits = self.limits
        return connection

    @override
    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if self.connection_count > self.max_connections and isinstance(handler, ClientConnection):
            handler.cut("too_many")


class _Runner(Runner):
    def __init__(
        self,
        app: web.Application,
        max_connections: int,
        grace_period_seconds: float,
        limits: ConnectionLimits,
        **options: Any,
    ) -> None:
        super().__init__(app, **options)
        self._max_connections = max_connections
        self._grace_period_seconds = grace_period_seconds
        self._limits = limits

    @override
    async def cleanup(self) -> None:
        """Accept no new connections, drain the idle ones, and shut down as aiohttp does.

        aiohttp alone closes idle connections at once, and resets those that are sending a request.
        """
        for site in list(self.sites):
            await site.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace_period_seconds):
                while self._part():  # noqa: ASYNC110 - aiohttp has no event for a closed connection
                    await asyncio.sleep(0.05)
        await super().cleanup()

    def _part(self) -> int:
        """Make each connection's next response its last; return how many await a request."""
        connections = self.server.connections if self.server else []
        return sum(each.part() for each in connections if isinstance(each, ClientConnection))

    @override
    def adapted(self, made: web.Server, options: dict[str, Any]) -> Server:
        server = _Server(
            handling(made.request_handler),
            request_factory=with_plain_paths(made.request_factory),
            handler_cancellation=made.handler_cancellation,
            **options,
        )
        server.max_connections = self._max_connections
        server.limits = self._limits
        return server
