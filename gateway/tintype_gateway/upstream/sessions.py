"""The HTTP sessions of calls to providers, one for each reach that a call may have."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver

from tintype_catalog.catalog import Binding
from tintype_gateway.upstream.egress import Reach, guarded_sockets

READ_BUFFER_BYTES = 1024 * 1024
"""The read buffer of a provider's response: large, so that megabytes need few wake-ups."""


@dataclass(frozen=True)
class Sessions:
    """The HTTP sessions of calls to providers."""

    own: aiohttp.ClientSession
    """For the providers' own hosts."""

    named: aiohttp.ClientSession
    """For endpoints that bindings name."""

    def to(self, binding: Binding) -> aiohttp.ClientSession:
        """Return the session for calls to a binding."""
        return self.own if binding.endpoint is None else self.named


@asynccontextmanager
async def open_sessions(endpoints: Reach) -> AsyncIterator[Sessions]:
    """Yield the sessions of one process; `reach` bounds the endpoints of bindings."""
    async with AsyncExitStack() as stack:
        yield Sessions(
            own=await stack.enter_async_context(open_session(endpoints | Reach.NETWORK)),
            named=await stack.enter_async_context(open_session(endpoints)),
        )


def open_session(
    reach: Reach | None, resolver: AbstractResolver | None = None
) -> aiohttp.ClientSession:
    """Return a session limited to a reach. It keeps connections and does not decompress bodies.

    A reach of None is for URLs in the gateway's own settings, which may use any address.
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
