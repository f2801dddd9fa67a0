"""A ledger that caches for a second whose key it was asked about.

Only who somebody is, and never what they may spend: that is decided when credits are held.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, cast

from tintype_gateway.ledger.interface import Caller, Ledger

SECONDS = 1.0
"""How long a key may still work that another process has revoked, or that has expired."""

MOST = 10_000
"""How many keys are remembered, each some hundred bytes."""

_CHANGES = frozenset({"revoke_key", "rotate_key", "set_policy"})
"""Operations that change what a key stands for."""


def cached(ledger: Ledger, clock: Callable[[], float] = time.monotonic) -> Ledger:
    """Return the same ledger, asked about each key once in `SECONDS`.

    What this process changes itself holds from the moment that the operation returns.
    """
    return cast(Ledger, _CachedLedger(ledger, clock))


class _CachedLedger:
    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._known: dict[bytes, tuple[float, Caller]] = {}
        """Replaced after each change, so that a look-up can tell that it began before one."""

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._ledger, name)
        return self._forgetting(operation) if name in _CHANGES else operation

    async def authenticate(self, secret: str) -> Caller:
        """See `Ledger`. Keys that are not valid are looked up each time."""
        digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
        while True:
            known, now = self._known, self._clock()
            until, remembered = known.get(digest, (now, None))
            if remembered is not None and now < until:
                return remembered
            caller = await self._ledger.authenticate(secret)
            if known is self._known:
                break
            # A change ended during the look-up, which may have read the database before it.
        if len(known) >= MOST:
            known.clear()
        known[digest] = (now + SECONDS, caller)
        return caller

    def _forgetting(self, operation: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        """Return an operation after which nothing is known that was looked up before its end."""

        @wraps(operation)
        async def forgetting(*args: Any, **kwargs: Any) -> Any:
            try:
                return await operation(*args, **kwargs)
            finally:  # also where the answer was lost: the change may have been made
                self._known = {}

        return forgetting
