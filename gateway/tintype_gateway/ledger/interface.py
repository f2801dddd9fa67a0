"""What the gateway and the tools know of the ledger: its operations, and their values."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Protocol

from tintype_gateway.accounts import (
    UNRESTRICTED,
    Account,
    ApiKey,
    Audit,
    Caller,
    Hold,
    Idempotency,
    Policy,
    Profile,
    Settlement,
    Usage,
)

__all__ = [
    "UNRESTRICTED",
    "Account",
    "ApiKey",
    "Audit",
    "Caller",
    "Hold",
    "Idempotency",
    "Ledger",
    "Policy",
    "Profile",
    "Settlement",
    "Usage",
]


class Ledger(Protocol):
    """Accounts, keys, holds and charges, safe for any number of concurrent callers.

    Every operation is one transaction: when it returns, its effect is durable; when it raises a
    :class:`LedgerError`, it had none. All raise `LedgerUnavailableError`, in bounded time, when the
    database cannot be used, and `ValueError` for an amount that no one can mean. Only where a
    server was lost while it worked, and does not come back in that time, `LedgerUnavailableError`
    leaves open whether the operation took effect; it did so once, or not at all.

    A hold without an idempotency key is durable only as long as its request can be: what stops the
    whole machine under an embedded database may undo it. Whatever makes a charge of it last makes
    the hold last too.

    Cancelling the wait for an operation does not stop it: it still takes effect once. Only a hold
    is different, since nobody would know of it: it is released as soon as it is taken.
    """

    async def check(self) -> None:
        """Make sure that the database can be used, and is of the schema that this program needs.

        Raises:
            LedgerUnavailableError: it is not; the message says what to do.
        """

    async def create_account(
        self,
        name: str,
        *,
        credits_micro: int = 0,
        unlimited: bool = False,
        policy: Policy = UNRESTRICTED,
    ) -> Account:
        """Open an account and grant it its first credits.

        Raises:
            AccountExistsError: the name is taken.
            ValueError: the name is empty, too long, not printable, or of the ledger itself.
        """

    async def ensure_account(
        self, name: str, *, issuer: str, max_accounts: int, credits_micro: int = 0
    ) -> Account:
        """Return the account of this name, opened and granted its first credits if there is none.

        The credits are granted once, also where several ask at the same time. `issuer` is whose
        token names the account, and `max_accounts` how many accounts its tokens may open.

        Raises:
            AccountLimitError: there is no such account, and the issuer has opened so many.
            ValueError: as `create_account`.
        """

    async def account(self, name: str) -> Account:
        """Read one account.

        Raises:
            AccountNotFoundError: there is none of this name.
        """

    async def accounts(self) -> Sequence[Account]:
        """Read all accounts, by name."""

    async def set_policy(self, name: str, policy: Policy) -> Account:
        """Say anew what an account may do; rates count from what it did before.

        Raises:
            AccountNotFoundError: there is none of this name.
        """

    async def grant(
        self, name: str, micro: int, *, reason: str, idempotency: Idempotency | None = None
    ) -> Account:
        """Give credits to an account; the reason stays with the entry.

        With an idempotency key this is done once, also by `adjust`. Its key is kept for good.

        Raises:
            IdempotencyMismatchError: the key belongs to another request.
            AccountNotFoundError: there is none of this name.
        """

    async def adjust(
        self, name: str, micro: int, *, reason: str, idempotency: Idempotency | None = None
    ) -> Account:
        """Correct a balance by so much up or down, even below zero; the reason stays with it.

        An idempotency key counts as for `grant`.

        Raises:
            IdempotencyMismatchError: the key belongs to another request.
            AccountNotFoundError: there is none of this name.
        """

    async def usage(self, since: date, *, account: str | None = None) -> Sequence[Usage]:
        """Sum up the charges since a day (UTC) by account and model, of one account or of all."""

    async def create_key(
        self, account: str, *, expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """Issue a key and return it with its secret, which is never shown again.

        Raises:
            AccountNotFoundError: there is none of this name.
            ValueError: `expires_at` has no time zone.
        """

    async def list_keys(self, account: str) -> Sequence[ApiKey]:
        """Read the keys of an account, oldest first, with those that have ended.

        Raises:
            AccountNotFoundError: there is none of this name.
        """

    async def rotate_key(
        self, key_id: str, *, keep_old_for_seconds: float = 0, expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """Replace a key by a new one of the same account, returned as by `create_key`.

        The old one is revoked, or lives on for so long that everyone can change over. The new one
        ends when the old one would have, unless `expires_at` says otherwise.

        Raises:
            KeyNotFoundError, KeyExpiredError, KeyRevokedError: there is no such key, or no longer.
            ValueError: the time to keep the old one is negative, or `expires_at` has no time zone.
        """

    async def revoke_key(self, key_id: str) -> None:
        """End a key now. Revoking it again changes nothing.

        Raises:
            KeyNotFoundError: there is no key of this id.
        """

    async def authenticate(self, secret: str) -> Caller:
        """Say whose secret this is.

        Raises:
            KeyNotFoundError, KeyExpiredError, KeyRevokedError: it is nobody's, or no longer.
        """

    async def hold(
        self,
        caller: Caller,
        amount: int,
        *,
        request_id: str,
        model: str,
        provider: str,
        lifetime_seconds: float,
        images: int = 1,
        idempotency: Idempotency | None = None,
    ) -> Hold:
        """Set aside the most that a request can cost.

        `images` are those it asks for, which count for the account's rate. An idempotency key
        belongs to one request of the account for 24 hours, unless that request is released.

        Raises:
            InsufficientCreditsError: the account has fewer credits available.
            RateLimitedError: the account's policy allows no more just now.
            AccountNotFoundError: the caller's account does not exist.
            IdempotencyInProgressError: the first request with this key is still running.
            IdempotencyMismatchError: the first request with this key was another one.
            IdempotencyReplayError: the first request with this key was charged.
            IdempotencyOutcomeUnknownError: the first request with this key ended, and nobody
                knows whether the provider did the work.
        """

    async def renew(self, hold: Hold, lifetime_seconds: float) -> None:
        """Keep a hold alive for so long from now.

        Raises:
            HoldClosedError: it is no longer open; if it expired, it can still be settled.
        """

    async def settle(self, hold: Hold, cost: int, *, images: int = 0) -> Settlement:
        """Charge what the request cost, at most the hold, and give back the rest.

        `images` are those that were made, which are noted as used.

        Raises:
            HoldClosedError: it was settled or released before. Nothing was charged by this call.
        """

    async def release(self, hold: Hold, reason: str, *, outcome_unknown: bool = False) -> None:
        """Charge nothing and give everything back; the reason stays with the hold.

        Where nobody knows whether the provider did the work, the idempotency key is not freed: a
        repeat might have it done twice.

        Raises:
            HoldClosedError: it was settled or released before.
        """

    async def mark_delivered(self, settled: Collection[Hold]) -> None:
        """Note that the clients have the complete answers to these settled holds.

        No money depends on it, so that many can be told at once and late: `audit` counts the
        charges of which it was never said.
        """

    async def expire_holds(self) -> int:
        """Give back the holds whose lifetime has ended, and say how many they were.

        Until this has run, an overdue hold still keeps its credits and can be renewed.
        """

    async def forget_released_holds(self) -> int:
        """Remove holds that were released an hour ago or more, and say how many they were.

        Those whose outcome is unknown stay, as what they may have cost is still to be looked at.
        """

    async def audit(self) -> Audit:
        """Check every balance, hold and charge against the entries, at one moment."""

    async def close(self) -> None:
        """Finish what was asked for, then close the database. Closing again changes nothing."""
