"""A token endpoint of Entra ID, by https."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class EntraServer:
    """Gives numbered tokens for any assertion, or responds as a test says."""

    url: str = ""
    status: int = 200
    document: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    forms: list[dict[str, str]] = field(default_factory=list)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and content type of each request for a token."""

    async def token(self, request: web.Request) -> web.Response:
        self.requests.append((request.method, request.path_qs, request.content_type))
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        given = {
            "token_type": "Bearer",
            "expires_in": 3599,
            "ext_expires_in": 3599,
            "access_token": f"entra-token-{len(self.forms)}",
        }
        return web.json_response(self.document or given, status=self.status, headers=self.headers)


@asynccontextmanager
async def running_entra(tls: ssl.SSLContext) -> AsyncIterator[EntraServer]:
    """Run the endpoint on a free port of this machine while the block runs."""
    server, app = EntraServer(), web.Application()
    app.router.add_post("/{tenant}/oauth2/v2.0/token", server.token)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        server.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
