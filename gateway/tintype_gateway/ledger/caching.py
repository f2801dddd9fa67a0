"""A ledger that caches the callers of API keys for a second.

The cache holds the identity of callers, and never their credits, which the hold checks.
"""

import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, cast

from tintype_accounts.api_keys import digest
from tintype_gateway.ledger.interface import Caller, Ledger

SECONDS = 1.0
"""The time for which a key still works after another process revoked it, or after it expired."""

MOST = 10_000
"""The most cached keys, each of some hundred bytes."""

_CHANGES = frozenset(
    {"put_account", "release_account", "revoke_key", "rotate_key", "set_key_expiry", "set_policy"}
)
"""Operations that change the caller of a key."""


def cached(ledger: Ledger, clock: Callable[[], float] = time.monotonic) -> Ledger:
    """Return the ledger with a cache that looks up each key once in `SECONDS`.

    Changes by this process take effect as soon as their operation returns.
    """
    return cast(Ledger, _CachedLedger(ledger, clock))


class _CachedLedger:
    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._known: dict[bytes, tuple[float, Caller]] = {}
        """Replaced after each change, so that a look-up can detect a change since its start."""

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._ledger, name)
        if name in _CHANGES:
            operation = self._clearing(operation)
        setattr(self, name, operation)  # found once
        return operation

    async def authenticate(self, secret: str) -> Caller:
        """See `Ledger`. Keys that are not valid are looked up each time."""
        sha256 = digest(secret)
        while True:
            known, now = self._known, self._clock()
            until, cached_caller = known.get(sha256, (now, None))
            if cached_caller is not None and now < until:
                return cached_caller
            caller = await self._ledger.authenticate(secret)
            if known is self._known:
                break
            # A change ended during the look-up, which may have read the database before it.
        if len(known) >= MOST:
            known.clear()
        known[sha256] = (now + SECONDS, caller)
        return caller

    def _clearing(self, operation: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        """Return the operation, which clears the cache when it ends."""

        @wraps(operation)
        async def clearing(*args: Any, **kwargs: Any) -> Any:
            try:
                return await operation(*args, **kwargs)
            finally:  # also after a lost response: the database may have made the change
                self._known = {}

        return clearing
