"""The interface of the ledger: its operations and their values."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from tintype_gateway.accounts import (
    UNRESTRICTED,
    Account,
    ApiKey,
    Audit,
    Caller,
    Hold,
    HoldRequest,
    Idempotency,
    Policy,
    Profile,
    Settlement,
    Usage,
)
from tintype_gateway.ledger.slot_queue import SlotLimits, SlotRequest, SlotResult

__all__ = [
    "UNRESTRICTED",
    "Account",
    "ApiKey",
    "Audit",
    "Caller",
    "Hold",
    "HoldRequest",
    "Idempotency",
    "Ledger",
    "Policy",
    "Profile",
    "Settlement",
    "SlotLimits",
    "SlotRequest",
    "SlotResult",
    "Usage",
]


class Ledger(Protocol):
    """Accounts, keys, holds and charges, safe for any number of concurrent callers.

    Every operation is one transaction: when it returns, its effect is durable; when it raises a
    :class:`LedgerError`, it had none. All raise `LedgerUnavailableError`, in bounded time, when the
    database cannot be used, and `ValueError` for an invalid amount. There is one exception: if a
    server fails during an operation and does not return in time, `LedgerUnavailableError` leaves
    open whether the operation took effect, once or not at all.

    With an embedded database, a crash of the machine may undo a hold without an idempotency key,
    because it ends the request as well. A durable charge makes its hold durable.

    Cancelling the wait for an operation does not stop it: it still takes effect once. A cancelled
    `hold` is the exception: the hold is released as soon as it is taken, because it has no owner.
    """

    async def check(self) -> None:
        """Check that the database can be used and has the schema of this program.

        Raises:
            LedgerUnavailableError: the check failed; the message says what to do.
        """

    async def create_account(
        self,
        name: str,
        *,
        credits_micro: int = 0,
        unlimited: bool = False,
        policy: Policy = UNRESTRICTED,
    ) -> Account:
        """Open an account with its initial credits.

        Raises:
            AccountExistsError: the name is taken.
            ValueError: the name is empty, too long, not printable, or reserved for the ledger.
        """

    async def ensure_account(
        self, name: str, *, issuer: str, max_accounts: int, credits_micro: int = 0
    ) -> Account:
        """Return the account of this name; open it with its initial credits if it does not exist.

        Concurrent calls grant the credits once. `issuer` is the issuer of the token that names the
        account, and `max_accounts` its limit of accounts.

        Raises:
            AccountLimitError: the account does not exist, and the issuer is at its limit.
            ValueError: as `create_account`.
        """

    async def account(self, name: str) -> Account:
        """Read one account.

        Raises:
            AccountNotFoundError: no account has this name.
        """

    async def accounts(self) -> Sequence[Account]:
        """Read all accounts, by name."""

    async def set_policy(self, name: str, policy: Policy) -> Account:
        """Replace the policy of an account; its rates take account of its earlier requests.

        Raises:
            AccountNotFoundError: no account has this name.
        """

    async def grant(
        self, name: str, micro: int, *, reason: str, idempotency: Idempotency | None = None
    ) -> Account:
        """Add credits to an account, and record the reason.

        An idempotency key makes this happen once. Grants and adjustments share their keys, which
        never expire.

        Raises:
            IdempotencyMismatchError: the key belongs to another request.
            AccountNotFoundError: no account has this name.
        """

    async def adjust(
        self, name: str, micro: int, *, reason: str, idempotency: Idempotency | None = None
    ) -> Account:
        """Add a positive or negative amount to a balance, even to below zero; record the reason.

        An idempotency key works as in `grant`.

        Raises:
            IdempotencyMismatchError: the key belongs to another request.
            AccountNotFoundError: no account has this name.
        """

    async def usage(self, since: date, *, account: str | None = None) -> Sequence[Usage]:
        """Return the charges since a day (UTC) by account and model, of one account or of all."""

    async def create_key(
        self, account: str, *, expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """Issue a key and return it with its secret, which is never shown again.

        Raises:
            AccountNotFoundError: no account has this name.
            ValueError: `expires_at` has no time zone.
        """

    async def list_keys(self, account: str) -> Sequence[ApiKey]:
        """Read the keys of an account, oldest first, including expired and revoked ones.

        Raises:
            AccountNotFoundError: no account has this name.
        """

    async def rotate_key(
        self, key_id: str, *, keep_old_for_seconds: float = 0, expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """Replace a key by a new one of the same account, returned as by `create_key`.

        The old key is revoked, at once or after `keep_old_for_seconds`. The new key expires when
        the old one would have, unless `expires_at` is given.

        Raises:
            KeyNotFoundError, KeyExpiredError, KeyRevokedError: the key cannot be rotated.
            ValueError: `keep_old_for_seconds` is negative, or `expires_at` has no time zone.
        """

    async def revoke_key(self, key_id: str) -> None:
        """Revoke a key now. Revoking it again changes nothing.

        Raises:
            KeyNotFoundError: no key has this id.
        """

    async def authenticate(self, secret: str) -> Caller:
        """Return the caller of the key with this secret.

        Raises:
            KeyNotFoundError, KeyExpiredError, KeyRevokedError: the key is not valid.
        """

    async def hold(self, caller: Caller, request: HoldRequest) -> Hold:
        """Set aside the most that a request can cost.

        An idempotency key belongs to one request of the account for 24 hours, or until its hold is
        released.

        Raises:
            InsufficientCreditsError: the account has fewer credits available.
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

    async def exchange_slots(
        self,
        binding: str,
        limits: SlotLimits,
        wanted: Sequence[SlotRequest],
        freed: Collection[str],
    ) -> SlotResult:
        """Free slots of a binding, and grant them to calls that wait (see `slot_queue`).

        The queue has the calls of all processes; each asks again about those that still wait before
        `WAITING_SECONDS` have passed. A lease ends when its call is in `freed`, or after
        `limits.lease_seconds`. No money depends on slots: a power cut may undo an exchange.
        """

    async def slot_calls(self, bindings: Collection[str]) -> Mapping[str, int]:
        """Return the number of calls of each binding that have a slot or wait for one."""

    async def audit(self) -> Audit:
        """Check every balance, hold and charge against the entries, in one snapshot."""

    async def close(self) -> None:
        """Finish pending operations, then close the database. Closing again changes nothing."""
