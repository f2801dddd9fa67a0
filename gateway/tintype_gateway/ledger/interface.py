"""What the gateway and the tools know of the ledger: its values and its operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Account:
    """Who pays, as of one moment. Amounts are micro-credits."""

    name: str
    unlimited: bool
    balance: int
    held: int

    @property
    def available(self) -> int | None:
        """What the next request may cost, negative after a late settlement; None: no limit."""
        return None if self.unlimited else self.balance - self.held


@dataclass(frozen=True)
class ApiKey:
    """An issued key, without its secret, which nobody can read again. Times are UTC."""

    id: str
    account: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class Caller:
    """Who sent a request, and by which key."""

    account: str
    key_id: str


@dataclass(frozen=True)
class Idempotency:
    """The client's key for one intended request, and a digest of that request's body."""

    key: str
    request_digest: str


@dataclass(frozen=True)
class Hold:
    """Micro-credits set aside for one request."""

    id: str
    account: str
    amount: int


@dataclass(frozen=True)
class Settlement:
    """How a hold was charged. Amounts are micro-credits."""

    charged: int
    available: int | None
    """What the account has left, as in :attr:`Account.available`."""
    late: bool
    """The hold had expired before: its credits may have been spent again."""
    excess: int
    """What the request cost above its hold. It is not charged: it is our loss."""


@dataclass(frozen=True)
class Audit:
    """What a check of the whole ledger found."""

    accounts: int
    entries: int
    open_holds: int
    expired_holds: int
    """Holds whose owner neither settled nor released them: calls that may have gone unpaid."""
    late_charges: int
    """Settlements after expiry, which may have taken an account below zero."""
    problems: tuple[str, ...]
    """One sentence for each contradiction; none in a sound ledger."""


class Ledger(Protocol):
    """Accounts, keys, holds and charges, safe for any number of concurrent callers.

    Every operation is one transaction: when it returns, its effect is durable; when it raises a
    :class:`LedgerError`, it had none. All raise `LedgerUnavailableError`, in bounded time, when the
    database cannot be used, and `ValueError` for an amount that no one can mean.

    Cancelling the wait for an operation does not stop it: it still takes effect once. Only a hold
    is different, since nobody would know of it: it is released as soon as it is taken.
    """

    async def create_account(
        self, name: str, *, credits_micro: int = 0, unlimited: bool = False
    ) -> Account:
        """Open an account and grant it its first credits.

        Raises:
            AccountExistsError: the name is taken.
            ValueError: the name is empty, too long, not printable, or of the ledger itself.
        """

    async def account(self, name: str) -> Account:
        """Read one account.

        Raises:
            AccountNotFoundError: there is none of this name.
        """

    async def accounts(self) -> Sequence[Account]:
        """Read all accounts, by name."""

    async def grant(self, name: str, micro: int, *, reason: str) -> Account:
        """Give credits to an account; the reason stays with the entry.

        Raises:
            AccountNotFoundError: there is none of this name.
        """

    async def create_key(
        self, account: str, *, expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """Issue a key and return it with its secret, which is never shown again.

        Raises:
            AccountNotFoundError: there is none of this name.
            ValueError: `expires_at` has no time zone.
        """

    async def authenticate(self, secret: str) -> Caller:
        """Say whose secret this is.

        Raises:
            KeyNotFoundError, KeyExpiredError, KeyRevokedError: it is nobody's, or no longer.
        """

    async def revoke_key(self, key_id: str) -> None:
        """End a key now. Revoking it again changes nothing.

        Raises:
            KeyNotFoundError: there is no key of this id.
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
        idempotency: Idempotency | None = None,
    ) -> Hold:
        """Set aside the most that a request can cost.

        An idempotency key belongs to one request of the account for 24 hours, unless that request
        is released.

        Raises:
            InsufficientCreditsError: the account has fewer credits available.
            AccountNotFoundError: the caller's account does not exist.
            IdempotencyInProgressError: the first request with this key is still running.
            IdempotencyMismatchError: the first request with this key was another one.
            IdempotencyReplayError: the first request with this key was charged.
        """

    async def renew(self, hold: Hold, lifetime_seconds: float) -> None:
        """Keep a hold alive for so long from now.

        Raises:
            HoldClosedError: it is no longer open; if it expired, it can still be settled.
        """

    async def settle(self, hold: Hold, cost: int) -> Settlement:
        """Charge what the request cost, at most the hold, and give back the rest.

        Raises:
            HoldClosedError: it was settled or released before, or it expired and another request
                took over its idempotency key. Nothing was charged by this call.
        """

    async def release(self, hold: Hold, reason: str) -> None:
        """Charge nothing and give everything back; the reason stays with the hold.

        Raises:
            HoldClosedError: it was settled or released before.
        """

    async def expire_holds(self) -> int:
        """Give back the holds whose lifetime has ended, and say how many they were.

        Until this has run, an overdue hold still keeps its credits and can be renewed.
        """

    async def audit(self) -> Audit:
        """Check every balance, hold and charge against the entries, at one moment."""

    async def close(self) -> None:
        """Finish what was asked for, then close the database. Closing again changes nothing."""
