"""The operator's own port: is it alive, and what does it measure?"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from tintype_operator.metrics import REGISTRY

SILENCE_SECONDS = 90.0
"""How long the aggregator may show no sign of life: longer than any of its calls takes."""


@asynccontextmanager
async def serving_health(
    host: str, port: int, silent_seconds: Callable[[], float]
) -> AsyncIterator[None]:
    """Answer `/healthz` and `/metrics` within the block.

    Raises:
        OSError: The address is taken.
    """
    runner = web.AppRunner(application(silent_seconds), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


def application(silent_seconds: Callable[[], float]) -> web.Application:
    """Return the routes, for an aggregator that has been silent for so long."""

    async def healthz(request: web.Request) -> web.Response:
        silence = silent_seconds()
        if silence > SILENCE_SECONDS:
            return web.json_response({"aggregator": f"silent for {silence:.0f} s"}, status=500)
        return web.json_response({"aggregator": "alive"})

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = await asyncio.to_thread(encode, REGISTRY)
        return web.Response(body=body, headers={"Content-Type": content_type})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics)])
    return app
