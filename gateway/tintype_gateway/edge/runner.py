"""aiohttp's server with our connections."""

from typing import Any

from aiohttp import web
from typing_extensions import override

from tintype_gateway.edge.protocol import (
    MAX_FIELD_BYTES,
    MAX_HEADERS,
    MAX_LINE_BYTES,
    ClientConnection,
)

IDLE_SECONDS = 75
"""How long a connection is kept without a request: longer than load balancers keep theirs."""

LINGER_SECONDS = 2
"""How long the rest of a refused body is read, so that its client can read why."""


def create_runner(app: web.Application, drain_seconds: float) -> web.AppRunner:
    """Return what serves an application; requests in flight have `drain_seconds` at its end."""
    return _Runner(
        app,
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


class _Server(web.Server):
    @override
    def __call__(self) -> ClientConnection:
        return ClientConnection(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    @override
    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        options: dict[str, Any] = made._kwargs
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **options,
        )
