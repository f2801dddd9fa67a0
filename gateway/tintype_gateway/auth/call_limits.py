"""Limits the calls of any kind that an account may make in a minute.

Every call takes a token from the account's bucket. A request for images returns the token once its
credits are held, because the ledger has a separate limit for these requests. The limit therefore
applies to quotes, lists, repeats and refused requests. Each gateway counts in its own memory.
"""

import math
import time
from collections.abc import Callable
from typing import Any, cast

from tintype_gateway.errors import RateLimitError
from tintype_gateway.ledger import rate_limit as rates
from tintype_gateway.ledger.interface import Caller, Hold, HoldRequest, Ledger
from tintype_gateway.ledger.jobs import Job, JobLimits, NewJob

MAX_BUCKETS = 10_000
"""Above this number of accounts, full buckets are removed."""


class CallLimits:
    """The buckets of all accounts (see `rate_limit`)."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, max_buckets: int = MAX_BUCKETS
    ) -> None:
        self._clock = clock
        self._max_buckets = max_buckets
        self._full_at: dict[str, int] = {}

    def take(self, caller: Caller) -> None:
        """Count a call.

        Raises:
            RateLimitError: The account has exceeded its limit.
        """
        now, per_minute = self._now(), caller.calls_per_minute
        full_at = self._full_at.get(caller.account, now)
        if wait := rates.wait(full_at, now, 1, per_minute):
            raise RateLimitError(
                f"the account may make {per_minute} calls a minute",
                retry=True,
                retry_after_seconds=math.ceil(wait / 1_000_000),
            )
        if len(self._full_at) >= self._max_buckets:
            self._full_at = {name: time for name, time in self._full_at.items() if time > now}
        self._full_at[caller.account] = rates.take(full_at, now, 1, per_minute)

    def give_back(self, caller: Caller) -> None:
        """Uncount one call."""
        if caller.account in self._full_at:
            self._full_at[caller.account] -= rates.MINUTE // caller.calls_per_minute

    def refunding(self, ledger: Ledger) -> Ledger:
        """Return the ledger with operations that uncount the call of a request for images."""
        return cast(Ledger, _Refunding(ledger, self))

    def _now(self) -> int:
        return math.floor(self._clock() * 1_000_000)


class _Refunding:
    def __init__(self, ledger: Ledger, limits: CallLimits) -> None:
        self._ledger = ledger
        self._limits = limits

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._ledger, name)
        setattr(self, name, operation)  # found once
        return operation

    async def hold(self, caller: Caller, request: HoldRequest) -> Hold:
        """See `Ledger`."""
        hold = await self._ledger.hold(caller, request)
        self._limits.give_back(caller)
        return hold

    async def submit_job(
        self, caller: Caller, request: HoldRequest, job: NewJob, limits: JobLimits
    ) -> Job:
        """See `Ledger`."""
        submitted = await self._ledger.submit_job(caller, request, job, limits)
        self._limits.give_back(caller)
        return submitted
