"""The operator's own port: is it alive, and what does it measure?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from tintype_operator.liveness import Liveness
from tintype_operator.metrics import REGISTRY

SILENCE_SECONDS = 75.0
"""How long the aggregator may show no sign of life: longer than any of its calls takes."""

DEAFNESS_SECONDS = 60.0
"""How long an event may be late: they take milliseconds, and seconds to a busy machine."""


@asynccontextmanager
async def serving_health(host: str, port: int, liveness: Liveness) -> AsyncIterator[None]:
    """Answer `/healthz` and `/metrics` within the block.

    Raises:
        OSError: The address is taken.
    """
    runner = web.AppRunner(application(liveness), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


def application(liveness: Liveness) -> web.Application:
    """Return the routes."""

    async def healthz(request: web.Request) -> web.Response:
        silence, deafness = liveness.silent_seconds(), liveness.deaf_seconds()
        is_alive, hears = silence <= SILENCE_SECONDS, deafness <= DEAFNESS_SECONDS
        parts = {
            "aggregator": "alive" if is_alive else f"silent for {silence:.0f} s",
            "watches": "alive" if hears else f"an event is {deafness:.0f} s late",
        }
        return web.json_response(parts, status=200 if is_alive and hears else 500)

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = await asyncio.to_thread(encode, REGISTRY)
        return web.Response(body=body, headers={"Content-Type": content_type})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics)])
    return app
