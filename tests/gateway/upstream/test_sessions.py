"""What calls to providers share, so that none pays twice: connections, handshakes, addresses."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from tintype_catalog.addresses import Egress, Reach
from tintype_gateway.upstream.sessions import open_session
from tintype_testing.certificates import self_signed

MORE_THAN_AIOHTTP_ALLOWS = 101
"""Its default is a hundred connections, the rest wait."""


@dataclass
class Provider:
    """Responds to no call before `expected` calls have arrived."""

    port: int = 0
    expected: int = 1
    peers: list[object] = field(default_factory=list)
    """Where each call came from."""

    _all_there: asyncio.Event = field(default_factory=asyncio.Event)

    async def response(self, request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        self.peers.append(request.transport.get_extra_info("peername"))
        if len(self.peers) == self.expected:
            self._all_there.set()
        await self._all_there.wait()
        return web.Response()


@asynccontextmanager
async def running(provider: Provider, tls: ssl.SSLContext | None = None) -> AsyncIterator[Provider]:
    server = web.ServerRunner(web.Server(provider.response))
    await server.setup()
    try:
        await web.TCPSite(server, "127.0.0.1", 0, ssl_context=tls).start()
        provider.port = server.addresses[0][1]
        yield provider
    finally:
        await server.cleanup()


class Resolver(AbstractResolver):
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0
            )
        ]

    @override
    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


async def test_one_handshake_serves_the_calls_that_follow_one_another(tmp_path: Path) -> None:
    tls = await self_signed(tmp_path, "-addext subjectAltName=IP:127.0.0.1")
    trusting = ssl.create_default_context(cafile=tmp_path / "certificate.pem")
    async with (
        running(Provider(), tls) as provider,
        open_session(Egress(Reach.ANYWHERE)) as session,
    ):
        for _ in range(3):
            async with session.post(
                f"https://127.0.0.1:{provider.port}/", ssl=trusting
            ) as response:
                await response.read()

    assert len(provider.peers) == 3
    assert len(set(provider.peers)) == 1


async def test_no_call_waits_for_the_connection_of_another() -> None:
    many = Provider(expected=MORE_THAN_AIOHTTP_ALLOWS)
    async with running(many), open_session(Egress(Reach.ANYWHERE)) as session, asyncio.timeout(60):
        calls = (session.post(f"http://127.0.0.1:{many.port}/") for _ in range(many.expected))
        responses = await asyncio.gather(*calls)

    assert {response.status for response in responses} == {200}
    assert len(set(many.peers)) == many.expected


@pytest.mark.parametrize("at_once", [2, 20])
async def test_the_address_of_a_name_is_asked_for_once(at_once: int) -> None:
    resolver, provider = Resolver(), Provider(expected=at_once)
    async with running(provider), open_session(Egress(Reach.ANYWHERE), resolver) as session:
        calls = (session.post(f"http://provider.test:{provider.port}/") for _ in range(at_once))
        await asyncio.gather(*calls)
        later = await session.post(f"http://provider.test:{provider.port}/")

    assert later.status == 200
    assert len(set(provider.peers)) >= at_once
    assert resolver.asked == 1
