"""The ledger: the credits of accounts, and what they were charged for.

An account's money is two numbers, ``balance`` and ``held``. A request takes a *hold* of the most
that it can cost, and closes it in one of two ways: *settle* charges the actual cost, *release*
charges nothing. The credits that are ``available`` to the next request are the balance less
the holds, so that two requests can never spend the same credit.

Every change of a balance is a *posting*: two entries that sum to zero, one on the account, one on
``sys:funding`` (credits granted or corrected) or ``sys:revenue`` (credits charged). Entries are
append-only, and a balance is the sum of its entries; :meth:`Ledger.audit` checks all invariants.
Old postings can be moved to a file: their sums are then carried forward (see `archive.run`).

A hold has a lifetime, which its owner renews. If the owner's process ends, `expire_holds` returns
the credits to the account. An owner that was only suspended may settle afterwards: that charge is
*late* and may take the available credits below zero, because the image was delivered.

Amounts are whole micro-credits. Prompts, images and secrets are never stored; of an API key the
database knows its SHA-256.
"""

from tintype_gateway.ledger.errors import (
    AccountExistsError,
    AccountLimitError,
    AccountNotFoundError,
    AccountOwnedError,
    AccountSuspendedError,
    BudgetExceededError,
    GrantConflictError,
    GrantNotFoundError,
    HoldClosedError,
    IdempotencyConflictError,
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    IdempotencyOutcomeUnknownError,
    IdempotencyReplayError,
    IdempotentJobError,
    InsufficientCreditsError,
    InvalidKeyError,
    JobLostError,
    JobNotFoundError,
    JobQueueFullError,
    KeyConflictError,
    KeyExpiredError,
    KeyNotFoundError,
    KeyRevokedError,
    LedgerError,
    LedgerUnavailableError,
    RateLimitedError,
)
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.ledger.interface import (
    UNNAMED,
    UNRESTRICTED,
    Account,
    AccountSpec,
    ApiKey,
    Audit,
    Author,
    Budget,
    Caller,
    Change,
    ChangeFilter,
    Grant,
    Hold,
    Idempotency,
    Ledger,
    Policy,
    ReportedChange,
    Settlement,
    Usage,
    WindowSpent,
)

__all__ = [
    "UNNAMED",
    "UNRESTRICTED",
    "Account",
    "AccountExistsError",
    "AccountLimitError",
    "AccountNotFoundError",
    "AccountOwnedError",
    "AccountSpec",
    "AccountSuspendedError",
    "ApiKey",
    "Audit",
    "Author",
    "Budget",
    "BudgetExceededError",
    "Caller",
    "Change",
    "ChangeFilter",
    "Grant",
    "GrantConflictError",
    "GrantNotFoundError",
    "Hold",
    "HoldClosedError",
    "Idempotency",
    "IdempotencyConflictError",
    "IdempotencyInProgressError",
    "IdempotencyMismatchError",
    "IdempotencyOutcomeUnknownError",
    "IdempotencyReplayError",
    "IdempotentJobError",
    "InsufficientCreditsError",
    "InvalidKeyError",
    "JobLostError",
    "JobNotFoundError",
    "JobQueueFullError",
    "KeyConflictError",
    "KeyExpiredError",
    "KeyNotFoundError",
    "KeyRevokedError",
    "Ledger",
    "LedgerError",
    "LedgerUnavailableError",
    "Policy",
    "RateLimitedError",
    "ReportedChange",
    "Settlement",
    "Usage",
    "WindowSpent",
    "open_ledger",
]
