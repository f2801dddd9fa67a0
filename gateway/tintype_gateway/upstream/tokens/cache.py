"""A cache of access tokens: each is renewed before it ends, by one renewal at a time.

An issuer that fails does no harm while the old token is valid. Times are those of the event loop's
clock, which nothing sets back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from contextvars import Context
from dataclasses import dataclass, field
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

EARLY_SECONDS = 300.0
"""How long before its end a token is renewed, as the SDKs do, or half its life if that is less."""

MARGIN_SECONDS = 10.0
"""How long before its end a token is not used any more: a call takes a moment to arrive."""

PAUSE_SECONDS = 5.0
"""The pause after a failed renewal."""

LONGEST_PAUSE_SECONDS = 60.0
"""The longest pause that an issuer can ask for."""

FETCH_SECONDS = 10.0
"""The time limit of a renewal."""

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Token:
    """A token of an issuer."""

    value: str = field(repr=False)

    seconds: float
    """How long it is valid, from the moment when it was asked for."""


class TokenError(Exception):
    """There is no token. The message says why, and holds no secret."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


@dataclass(eq=False)
class _Entry:
    value: str = field(default="", repr=False)
    ends_at: float = float("-inf")
    renew_at: float = float("-inf")
    """When the next renewal may begin."""

    failure: str = ""
    """Why the last renewal failed."""

    renewal: asyncio.Task[None] | None = None
    """The renewal in progress."""


class TokenCache(Generic[Key]):
    """The tokens of one issuer, by what they are asked for with, such as a scope."""

    def __init__(self, issuer: str, fetch: Callable[[Key], Awaitable[Token]]) -> None:
        """Name the issuer, for the log; `fetch` asks it for a token and may raise TokenError."""
        self._issuer = issuer
        self._fetch = fetch
        self._entries: dict[Key, _Entry] = {}

    async def read(self, key: Key) -> str:
        """Return a token that is valid now.

        A request waits for a renewal only where there is no valid token. A request that is
        cancelled does not cancel the renewal, which others may wait for.

        Raises:
            TokenError: There is none, and the issuer gave none.
        """
        entry = self._entries.setdefault(key, _Entry())
        if entry.renewal is None and _now() >= entry.renew_at:
            # A context of its own, since a renewal belongs to no request and no trace.
            renewal = self._renew(key, entry)
            entry.renewal = asyncio.create_task(renewal, context=Context())
        if _now() >= entry.ends_at and entry.renewal is not None:
            await asyncio.shield(entry.renewal)
        if _now() >= entry.ends_at:
            raise TokenError(entry.failure)
        return entry.value

    async def close(self) -> None:
        """Cancel the renewals in progress."""
        renewals = [entry.renewal for entry in self._entries.values() if entry.renewal is not None]
        for renewal in renewals:
            renewal.cancel()
        await asyncio.gather(*renewals, return_exceptions=True)

    async def _renew(self, key: Key, entry: _Entry) -> None:
        asked_at = _now()
        try:
            token = await self._fetched(key)
            entry.value = token.value
            entry.ends_at = asked_at + token.seconds - MARGIN_SECONDS
            early = min(EARLY_SECONDS, max(token.seconds / 2, MARGIN_SECONDS))
            entry.renew_at = asked_at + token.seconds - early
        except TokenError as error:
            pause = min(max(PAUSE_SECONDS, error.retry_after_seconds or 0), LONGEST_PAUSE_SECONDS)
            entry.renew_at = _now() + pause
            entry.failure = str(error)
            log.warning(
                "access token not renewed",
                extra={
                    "issuer": self._issuer,
                    "cause": str(error),
                    "old_token_seconds": max(0, round(entry.ends_at - _now()))
                    if entry.value
                    else 0,
                },
            )
        finally:
            entry.renewal = None

    async def _fetched(self, key: Key) -> Token:
        """Return a new token.

        Raises:
            TokenError: The issuer gave none in time, or one that ends at once.
        """
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                token = await self._fetch(key)
        except TimeoutError as error:
            raise TokenError(f"no response within {FETCH_SECONDS:.0f} s") from error
        if token.seconds <= MARGIN_SECONDS:
            raise TokenError(f"the new token ends after {token.seconds:.0f} s")
        return token


def _now() -> float:
    return asyncio.get_running_loop().time()
