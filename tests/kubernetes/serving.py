"""An API server whose responses a test defines, over a real connection."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tintype_kubernetes.client import KubernetesClient, connect
from tintype_kubernetes.config import ClusterConfig

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, **config: Any) -> AsyncIterator[KubernetesClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        async with connect(ClusterConfig(server=url, **config)) as client:
            yield client


def status(code: int, reason: str = "", message: str = "") -> dict[str, Any]:
    return {"kind": "Status", "code": code, "reason": reason, "message": message}


def refusing(code: int, reason: str, **headers: str) -> web.Response:
    return web.json_response(status(code, reason, "because"), status=code, headers=headers)


async def stream(request: web.Request, *chunks: bytes) -> web.StreamResponse:
    """Send each chunk separately, and end the response correctly."""
    response = web.StreamResponse()
    await response.prepare(request)
    for chunk in chunks:
        await response.write(chunk)
    return response
