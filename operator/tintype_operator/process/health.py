"""The operator's own HTTP port: `/healthz` for liveness probes, and `/metrics`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from tintype_operator.liveness import Liveness
from tintype_operator.metrics import REGISTRY

HEARTBEAT_LIMIT_SECONDS = 75.0
"""The greatest age of a task's heartbeat: longer than any call of a task takes."""

EVENT_LIMIT_SECONDS = 60.0
"""How long a watch may deliver nothing while an event is due, which takes milliseconds, or seconds
on a busy machine."""


@asynccontextmanager
async def serving_health(host: str, port: int, liveness: Liveness) -> AsyncIterator[None]:
    """Serve `/healthz` and `/metrics` within the block.

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


def application(
    liveness: Liveness,
    *,
    heartbeat_limit: float = HEARTBEAT_LIMIT_SECONDS,
    event_limit: float = EVENT_LIMIT_SECONDS,
) -> web.Application:
    """Return the application; `/healthz` responds with 500 beyond a limit, in seconds."""

    async def healthz(request: web.Request) -> web.Response:
        silence, overdue = liveness.seconds_since_heartbeat(), liveness.seconds_overdue()
        has_heartbeat, has_events = silence <= heartbeat_limit, overdue <= event_limit
        parts = {
            "aggregator": "alive" if has_heartbeat else f"no heartbeat for {silence:.0f} s",
            "watches": "alive" if has_events else f"an event is {overdue:.0f} s overdue",
        }
        return web.json_response(parts, status=200 if has_heartbeat and has_events else 500)

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = await asyncio.to_thread(encode, REGISTRY)
        return web.Response(body=body, headers={"Content-Type": content_type})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics)])
    return app
