"""The HTTP sessions of calls to providers, one for each reach that a call may have."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver

from tintype_catalog.catalog import Binding
from tintype_gateway.upstream.egress import Reach, guarded_sockets

READ_BUFFER_BYTES = 1024 * 1024
"""What is read of a provider's response before it is waited for: few wake-ups for megabytes."""


@dataclass(frozen=True)
class Sessions:
    """What calls are made with."""

    own: aiohttp.ClientSession
    """For the providers' own hosts."""

    named: aiohttp.ClientSession
    """For endpoints that bindings name."""

    def to(self, binding: Binding) -> aiohttp.ClientSession:
        """Return what calls to a binding are made with."""
        return self.own if binding.endpoint is None else self.named


@asynccontextmanager
async def open_sessions(endpoints: Reach) -> AsyncIterator[Sessions]:
    """Yield the sessions of one process, where the endpoints of bindings have this reach."""
    async with AsyncExitStack() as stack:
        yield Sessions(
            own=await stack.enter_async_context(open_session(endpoints | Reach.NETWORK)),
            named=await stack.enter_async_context(open_session(endpoints)),
        )


def open_session(
    reach: Reach | None, resolver: AbstractResolver | None = None
) -> aiohttp.ClientSession:
    """Return a session that goes so far: warm connections, and bytes as they come.

    A reach of None is for URLs of the gateway's own settings, which may lead to any address.
    """
    connector = aiohttp.TCPConnector(
        limit=0,
        keepalive_timeout=75,
        ttl_dns_cache=60,
        resolver=resolver,
        socket_factory=None if reach is None else guarded_sockets(reach),
    )
    return aiohttp.ClientSession(
        connector=connector,
        headers={"Accept-Encoding": "identity", "User-Agent": "tintype"},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        read_bufsize=READ_BUFFER_BYTES,
    )
