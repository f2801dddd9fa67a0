"""A receiver of webhooks, which verifies them by the library of Standard Webhooks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks.webhooks import Webhook

Response = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Receiver:
    """What has arrived, in order, and how it is responded to."""

    secret: str
    """`whsec_...`; a message that it does not verify fails the request with 401."""

    url: str = ""
    ids: list[str] = field(default_factory=list)
    """The `webhook-id` of every verified request."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    signatures: list[int] = field(default_factory=list)
    """How many signatures each of these requests had."""

    unverified: int = 0
    respond: Response | None = None
    """What makes the response; by default it is 204."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        try:
            message = Webhook(self.secret).verify(body, dict(request.headers))
        except Exception:
            self.unverified += 1
            return web.Response(status=401)
        self.ids.append(request.headers["webhook-id"])
        self.messages.append(message)
        self.signatures.append(len(request.headers["webhook-signature"].split()))
        self.arrived.set()
        return web.Response(status=204) if self.respond is None else await self.respond(request)


@asynccontextmanager
async def receiving(secret: str) -> AsyncIterator[Receiver]:
    """Run a receiver on a port of this machine."""
    receiver = Receiver(secret)
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver
