"""Holds: the credits of running requests, and their charges."""

from collections.abc import Collection
from typing import Protocol

from tintype_gateway.accounts import Caller
from tintype_gateway.holds import Hold, HoldRequest, Settlement


class HoldOperations(Protocol):
    """A part of `Ledger`, which says what all operations have in common."""

    async def hold(self, caller: Caller, request: HoldRequest) -> Hold:
        """Set aside the most that a request can cost.

        An idempotency key belongs to one request of the account for 24 hours, or until its hold is
        released.

        Raises:
            InsufficientCreditsError: the account has fewer credits available.
            BudgetExceededError: the account would exceed one of its budgets.
            RateLimitedError: the account has exceeded a rate limit.
            AccountNotFoundError: the caller's account does not exist.
            IdempotencyInProgressError: the first request with this key is still running.
            IdempotencyMismatchError: the first request with this key was another one.
            IdempotencyReplayError: the first request with this key was charged.
            IdempotencyOutcomeUnknownError: the first request with this key ended, and the provider
                may have made its images.
        """

    async def renew(self, hold: Hold, lifetime_seconds: float) -> None:
        """Set the remaining lifetime of a hold.

        Raises:
            HoldClosedError: the hold is not open; if it expired, it can still be settled.
        """

    async def settle(self, hold: Hold, cost: int, *, images: int = 0) -> Settlement:
        """Charge the cost of the request, at most the hold, and return the rest to the account.

        `images` is the number of delivered images, which is added to the account's usage.

        Raises:
            HoldClosedError: the hold was already settled or released. This call charged nothing.
        """

    async def release(self, hold: Hold, reason: str, *, outcome_unknown: bool = False) -> None:
        """Charge nothing, return the credits to the account, and record the reason.

        With `outcome_unknown`, the provider may have made the images, and the idempotency key stays
        in use: a repeat could pay the provider twice.

        Raises:
            HoldClosedError: the hold was already settled or released.
        """

    async def mark_delivered(self, settled: Collection[Hold]) -> None:
        """Record that the clients have the complete responses of these settled holds.

        No money depends on it, so that it may happen late and in batches. `audit` counts the
        charges without this record.
        """

    async def expire_holds(self) -> int:
        """Release the holds whose lifetime has ended, and return their number.

        Until then, an overdue hold still keeps its credits and can be renewed.
        """

    async def forget_released_holds(self) -> int:
        """Delete holds that were released an hour ago or more, and return their number.

        Holds with an unknown outcome stay, because an operator may have to examine their cost.
        """
