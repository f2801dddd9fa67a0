"""A ledger that remembers for a few seconds whose key it was asked about.

Only who somebody is, and never what they may spend: that is decided when credits are held.
"""

import hashlib
import time
from collections.abc import Callable
from typing import Any, cast

from tintype_gateway.ledger.interface import Caller, Ledger

SECONDS = 5.0
"""How much longer a key may work that another process has revoked, or that has expired."""

MOST = 10_000
"""How many keys are remembered, each some hundred bytes."""

_CHANGES = frozenset({"revoke_key", "rotate_key", "set_policy"})
"""Operations after which nobody may be taken for whom they were."""


def remembering(ledger: Ledger, clock: Callable[[], float] = time.monotonic) -> Ledger:
    """Return the same ledger, asked about each key once in `SECONDS`.

    What this process changes itself holds at once.
    """
    return cast(Ledger, _Remembering(ledger, clock))


class _Remembering:
    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._known: dict[bytes, tuple[float, Caller]] = {}

    def __getattr__(self, name: str) -> Any:
        if name in _CHANGES:
            self._known = {}  # a new one, so that an answer under way is kept in the old one
        return getattr(self._ledger, name)

    async def authenticate(self, secret: str) -> Caller:
        """See `Ledger`. Keys that are not valid are asked about each time."""
        digest, now = hashlib.sha256(secret.encode()).digest(), self._clock()
        known = self._known
        until, remembered = known.get(digest, (now, None))
        if remembered is not None and now < until:
            return remembered
        caller = await self._ledger.authenticate(secret)
        if len(known) >= MOST:
            known.clear()
        known[digest] = (now + SECONDS, caller)
        return caller
