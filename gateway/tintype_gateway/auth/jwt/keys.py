"""Which key of its issuer a token is checked with."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tintype_gateway.auth.jwt.jwks import JwksError, VerificationKey
from tintype_gateway.errors import UnavailableError

log = logging.getLogger(__name__)

LIFETIME_SECONDS = 300.0
"""How long published keys count before they are read anew, and so how long a withdrawn one does."""

PAUSE_SECONDS = 10.0
"""The least time between two readings, however many unknown keys are asked for."""


class KeySource(Protocol):
    """Where the keys of an issuer come from."""

    async def find(self, key_id: str | None) -> VerificationKey | None:
        """Return the key that a token names by its `kid`.

        Raises:
            UnavailableError: The key may exist, but the issuer's keys cannot be read now.
        """


@dataclass(frozen=True)
class OneKey:
    """A key from a file. It has no id, so it is tried whatever a token names."""

    key: VerificationKey

    async def find(self, key_id: str | None) -> VerificationKey | None:
        """Return the key."""
        return self.key


class PublishedKeys:
    """Keys that the issuer publishes, kept while they are fresh, or its endpoint does not answer.

    An id that is not among them may be a new key, so it makes us read them again.
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
        """Return the key of this id, or for None the only one.

        Raises:
            UnavailableError: There is none as far as we know, but the last reading failed.
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
        """Read the keys, unless that was done just now. All who ask meanwhile share one reading."""
        if self._reading is None or (self._reading.done() and self._clock() >= self._paused_until):
            self._reading = asyncio.create_task(self._read_anew())
        await asyncio.shield(self._reading)  # a client that leaves does not end it for the others

    async def _read_anew(self) -> None:
        try:
            self._keys, self._fault = await self._read(), None
            self._fresh_until = self._clock() + LIFETIME_SECONDS
        except JwksError as error:
            self._fault = error
            log.warning("keys not read", extra={"issuer": self._issuer, "error": str(error)})
        self._paused_until = self._clock() + PAUSE_SECONDS
