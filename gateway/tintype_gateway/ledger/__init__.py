"""The ledger: who may spend how many credits, and what was spent.

An account's money is two numbers, ``balance`` and ``held``. A request takes a *hold* of the most
that it can cost, and ends it in one of two ways: *settle* charges what it did cost, *release*
gives everything back. What is ``available`` to the next request is the balance less the holds, so
that two requests can never spend the same credit.

Every change of a balance is a *posting*: two entries that sum to zero, one on the account, one on
``sys:funding`` (credits granted or corrected) or ``sys:revenue`` (credits charged). Entries are
only ever added, and a balance is the sum of its entries; :meth:`Ledger.audit` checks this and the
rest.

A hold has a lifetime, which its owner renews while it works. If the owner dies, `expire_holds`
gives the credits back. An owner that only slept may settle afterwards: that charge is *late* and
may take the available credits below zero, because the image was delivered.

Amounts are whole micro-credits. Prompts, images and secrets are never stored; of an API key the
database knows its SHA-256.
"""

from tintype_gateway.ledger.errors import (
    AccountExistsError,
    AccountLimitError,
    AccountNotFoundError,
    HoldClosedError,
    IdempotencyConflictError,
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    IdempotencyOutcomeUnknownError,
    IdempotencyReplayError,
    InsufficientCreditsError,
    InvalidKeyError,
    KeyExpiredError,
    KeyNotFoundError,
    KeyRevokedError,
    LedgerError,
    LedgerUnavailableError,
    RateLimitedError,
)
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.ledger.interface import (
    UNRESTRICTED,
    Account,
    ApiKey,
    Audit,
    Caller,
    Hold,
    Idempotency,
    Ledger,
    Policy,
    Settlement,
    Usage,
)

__all__ = [
    "UNRESTRICTED",
    "Account",
    "AccountExistsError",
    "AccountLimitError",
    "AccountNotFoundError",
    "ApiKey",
    "Audit",
    "Caller",
    "Hold",
    "HoldClosedError",
    "Idempotency",
    "IdempotencyConflictError",
    "IdempotencyInProgressError",
    "IdempotencyMismatchError",
    "IdempotencyOutcomeUnknownError",
    "IdempotencyReplayError",
    "InsufficientCreditsError",
    "InvalidKeyError",
    "KeyExpiredError",
    "KeyNotFoundError",
    "KeyRevokedError",
    "Ledger",
    "LedgerError",
    "LedgerUnavailableError",
    "Policy",
    "RateLimitedError",
    "Settlement",
    "Usage",
    "open_ledger",
]
