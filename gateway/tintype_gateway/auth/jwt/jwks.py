"""Reads and caches the public keys of an issuer: JSON Web Key Sets (RFC 7517)."""

import asyncio
import json
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp
import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

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

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey


class JwksError(Exception):
    """An issuer's keys cannot be read. The message says why, and contains no secret."""


@dataclass(frozen=True)
class VerificationKey:
    """One public key of an issuer."""

    key: PublicKey
    id: str | None = None
    """The key id that a token's `kid` header names."""

    algorithm: str | None = None
    """The only algorithm of the key, if the issuer names one."""


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


def parse_jwks(document: bytes) -> tuple[VerificationKey, ...]:
    """Return the keys of a key set that verify signatures; other keys are ignored.

    Raises:
        JwksError: The document is not a key set, or has no such key.
    """
    try:
        keys = tuple(filter(None, map(_verification_key, json.loads(document)["keys"])))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise JwksError("its response is not a JSON Web Key Set") from error
    if not keys:
        raise JwksError("its key set has no key that verifies signatures")
    return keys


def read_pem(path: Path) -> VerificationKey:
    """Return the public key in a PEM file.

    Raises:
        ValueError: The file cannot be read, or is not a public key.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("holds no public key in PEM") from error
    if not isinstance(key, PublicKey):
        raise ValueError("holds a public key that verifies no signatures of tokens")
    return VerificationKey(key)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BYTES:
            raise JwksError(f"{response.url} sends more than {MAX_BYTES} bytes")
    return bytes(body)


def _verification_key(entry: object) -> VerificationKey | None:
    """Return a key, or None if it is secret, for encryption, or of an unknown type."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    try:
        jwk = jwt.PyJWK(entry)
    except (jwt.PyJWTError, NotImplementedError, TypeError, ValueError):
        return None
    if not isinstance(jwk.key, PublicKey):
        return None
    return VerificationKey(jwk.key, entry.get("kid"), entry.get("alg"))


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
