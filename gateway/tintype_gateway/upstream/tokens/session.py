"""The HTTP session of token clients.

Its addresses are those of the gateway's own environment, not of a binding. It is therefore the one
session that may reach a metadata service, and no call to a provider uses it.
"""

import ssl

import aiohttp
from aiohttp.abc import AbstractResolver

from tintype_gateway.upstream.sessions import open_session

MAX_RESPONSE_BYTES = 64 * 1024
"""The largest response of an issuer."""


class TokenSession:
    """A session that the first request for a token opens."""

    def __init__(
        self, tls: ssl.SSLContext | None = None, resolver: AbstractResolver | None = None
    ) -> None:
        """Trust the authorities of a TLS context instead of the image's, if one is given, and find
        addresses by a resolver instead of the system's."""
        self._tls = tls
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> aiohttp.ClientSession:
        """Return the session."""
        if self._session is None:
            self._session = open_session(None, self._resolver, tls=self._tls)
        return self._session

    async def close(self) -> None:
        """Close the session, if it was opened."""
        if self._session is not None:
            await self._session.close()


async def body_of(response: aiohttp.ClientResponse) -> bytes:
    """Return the body of a response, cut at MAX_RESPONSE_BYTES."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            break
    return bytes(body[:MAX_RESPONSE_BYTES])
