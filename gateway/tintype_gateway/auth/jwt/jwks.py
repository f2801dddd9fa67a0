"""Reads and caches the public keys of an issuer: JSON Web Key Sets (RFC 7517)."""

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp

from tintype_gateway.auth.jwt.verification_key import JwksError, VerificationKey
from tintype_gateway.errors import UnavailableError

log = logging.getLogger(__name__)

LIFETIME_SECONDS = 300.0
"""The caching time of published keys, and thus the longest time that a withdrawn key is valid."""

PAUSE_SECONDS = 10.0
"""The shortest time between two requests for keys, however many unknown key ids arrive."""

MAX_BYTES = 256 * 1024
"""The largest key set; those of large issuers have a few KiB."""

TIMEOUT_SECONDS = 5.0
"""The time limit for a request for keys, for which client requests wait."""


@dataclass(frozen=True)
class JwksEndpoint:
    """The URL of an issuer's keys, with the credentials for it."""

    url: str
    ca_file: Path | None = None
    """A file of CA certificates. Both files are read each time, because both rotate."""

    bearer_token_file: Path | None = None
    timeout_seconds: float = TIMEOUT_SECONDS

    async def read(self, session: aiohttp.ClientSession) -> tuple[VerificationKey, ...]:
        """Return the current keys, at least one.

        Raises:
            JwksError: The endpoint does not respond in time, or not with a valid key set.
        """
        from tintype_gateway.auth.jwt.keys import parse_jwks

        try:
            async with session.get(
                self.url,
                headers=self._headers(),
                ssl=ssl.create_default_context(cafile=self.ca_file) if self.ca_file else True,
                timeout=aiohttp.ClientTimeout(total=self.timeout_seconds),
                allow_redirects=False,
            ) as response:
                if response.status != 200:
                    raise JwksError(f"{self.url} responds with {response.status}")
                return parse_jwks(await _body(response))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise JwksError(f"{self.url}: {error or type(error).__name__}") from error

    def _headers(self) -> dict[str, str]:
        headers = {
            "Accept": "application/jwk-set+json, application/json",
            "Accept-Encoding": "identity",
        }
        if self.bearer_token_file is not None:
            headers["Authorization"] = f"Bearer {self.bearer_token_file.read_text().strip()}"
        return headers


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BYTES:
            raise JwksError(f"{response.url} sends more than {MAX_BYTES} bytes")
    return bytes(body)


class KeySource(Protocol):
    """A source of the keys of an issuer."""

    async def find(self, key_id: str | None) -> VerificationKey | None:
        """Return the key that a token names by its `kid`, or None.

        Raises:
            UnavailableError: The key may exist, but the issuer's keys cannot be read now.
        """


@dataclass(frozen=True)
class OneKey:
    """A key from a file. It has no id, and is used for every `kid`."""

    key: VerificationKey

    async def find(self, key_id: str | None) -> VerificationKey | None:
        """Return the key."""
        return self.key


class PublishedKeys:
    """Keys that the issuer publishes, cached for a time, or longer if its endpoint is unavailable.

    An unknown key id may belong to a new key, and causes another request for the keys.
    """

    def __init__(
        self,
        issuer: str,
        read: Callable[[], Awaitable[Sequence[VerificationKey]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._read = read
        self._clock = clock
        self._keys: Sequence[VerificationKey] = ()
        self._fault: JwksError | None = None
        self._fresh_until = self._paused_until = clock()
        self._reading: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None) -> VerificationKey | None:
        """Return the key of this id, or the only key if `kid` is None.

        Raises:
            UnavailableError: The key is unknown, and the last request for the keys failed.
        """
        if self._clock() >= self._fresh_until:
            await self._refresh()
        key = self._known(key_id)
        if key is None:
            await self._refresh()
            key = self._known(key_id)
        if key is None and self._fault is not None:
            raise UnavailableError(
                "the keys of the token's issuer cannot be read now",
                code="issuer_unavailable",
                retry=True,
                retry_after_seconds=int(PAUSE_SECONDS),
            ) from self._fault
        return key

    def _known(self, key_id: str | None) -> VerificationKey | None:
        if key_id is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.id == key_id), None)

    async def _refresh(self) -> None:
        """Request the keys, unless that was done recently. Concurrent callers share one request."""
        if self._reading is None or (self._reading.done() and self._clock() >= self._paused_until):
            self._reading = asyncio.create_task(self._read_anew())
        await asyncio.shield(
            self._reading
        )  # a client that disconnects must not cancel it for the others

    async def _read_anew(self) -> None:
        try:
            self._keys, self._fault = await self._read(), None
            self._fresh_until = self._clock() + LIFETIME_SECONDS
        except JwksError as error:
            self._fault = error
            log.warning("keys not read", extra={"issuer": self._issuer, "error": str(error)})
        self._paused_until = self._clock() + PAUSE_SECONDS
