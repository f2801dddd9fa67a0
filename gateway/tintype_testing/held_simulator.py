"""A simulator that holds each response until a test releases it.

Requests are in flight for as long as a test wants, and not for as long as a machine takes.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp
from aiohttp import web

from tintype_simulator.app import SHUTDOWN_SECONDS, running


class _Response(NamedTuple):
    status: int
    content_type: str
    body: bytes


class HeldSimulator:
    """Responses to requests for images, by the prompts of the requests.

    The simulator paints once for each kind of request: painting takes longer than all the rest.
    """

    def __init__(self, simulator: str, http: aiohttp.ClientSession) -> None:
        self.url = ""
        self._simulator = simulator
        self._http = http
        self._arrived: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._released: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._painted: dict[str, _Response] = {}

    async def arrival(self, prompt: str) -> None:
        """Wait until the request with this prompt is held."""
        await self._arrived[prompt].wait()

    def release(self, prompt: str) -> None:
        """Let the request with this prompt have its response, also if it arrives later."""
        self._released[prompt].set()

    async def respond(self, request: web.Request) -> web.Response:
        """Return the simulator's response to a request, once it is released."""
        body = await request.json()
        prompt = str(body.pop("prompt"))
        self._arrived[prompt].set()
        await self._released[prompt].wait()
        kind = f"{request.path} {sorted(body.items())}"
        if kind not in self._painted:
            self._painted[kind] = await self._paint(request, body | {"prompt": "a red fox"})
        status, content_type, content = self._painted[kind]
        return web.Response(status=status, content_type=content_type, body=content)

    async def _paint(self, request: web.Request, body: dict[str, object]) -> _Response:
        key = {"Authorization": request.headers["Authorization"]}
        url = self._simulator + request.path
        async with self._http.post(url, json=body, headers=key) as response:
            return _Response(response.status, response.content_type, await response.read())


@asynccontextmanager
async def held_simulator() -> AsyncIterator[HeldSimulator]:
    """Serve such a simulator within the block."""
    async with running() as url, aiohttp.ClientSession() as http:
        simulator = HeldSimulator(url, http)
        app = web.Application()
        app.router.add_post("/{path:.*}", simulator.respond)
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            simulator.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield simulator
        finally:
            await runner.cleanup()
