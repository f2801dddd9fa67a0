"""aiohttp's server with our connections."""

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
from tintype_gateway.http.private_aiohttp import Runner, Server
from tintype_gateway.http.requests import handling, with_plain_paths

IDLE_SECONDS = 75
"""How long a connection is kept without a request: longer than load balancers keep theirs."""

LINGER_SECONDS = 2
"""How long the rest of a refused body is read, so that its client can read why."""

GRACE_PERIOD_SECONDS = 6
"""How long kept connections may bring one more request once we end, which is answered as their
last. OpenAI's SDKs use none that was idle for 5 s, so none of their requests is lost."""

MAX_CONNECTIONS = 20_000
"""How many connections a gateway has, if nothing else is said and it may open so many files."""


def create_runner(
    app: web.Application,
    drain_seconds: float,
    max_connections: int | None = None,
    grace_period_seconds: float = 0,
) -> web.AppRunner:
    """Return what serves an application; requests in flight have `drain_seconds` at its end.

    Before that, kept connections have `grace_period_seconds` for requests that are on their way.
    Beyond `max_connections`, or what the process has room for, new ones are closed at once.
    """
    return _Runner(
        app,
        max_connections or _room_for_connections(),
        grace_period_seconds,
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
    """Leave a quarter of the files that may be open to providers and to the ledger."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        MAX_CONNECTIONS if files == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, files // 4 * 3)
    )


class _Server(Server):
    max_connections = MAX_CONNECTIONS

    @override
    def __call__(self) -> ClientConnection:
        return self.connect(ClientConnection)

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
        **options: Any,
    ) -> None:
        super().__init__(app, **options)
        self._max_connections = max_connections
        self._grace_period_seconds = grace_period_seconds

    @override
    async def cleanup(self) -> None:
        """Take no new connections, part from those that are kept, and end as aiohttp does.

        By itself it closes idle connections at once, and resets those whose request is under way.
        """
        for site in list(self.sites):
            await site.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace_period_seconds):
                while self._part():  # noqa: ASYNC110 - aiohttp tells nobody of a closed connection
                    await asyncio.sleep(0.05)
        await super().cleanup()

    def _part(self) -> int:
        """Have every next answer be its connection's last, and count those that wait for one."""
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
        return server
