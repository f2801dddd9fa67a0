"""The errors of the ledger.

::

    LedgerError
    ├── LedgerUnavailableError
    ├── AccountExistsError
    ├── AccountNotFoundError
    ├── AccountLimitError
    ├── InsufficientCreditsError
    ├── RateLimitedError
    ├── InvalidKeyError
    │   ├── KeyNotFoundError
    │   ├── KeyExpiredError
    │   └── KeyRevokedError
    ├── HoldClosedError
    └── IdempotencyConflictError
        ├── IdempotencyInProgressError
        ├── IdempotencyMismatchError
        ├── IdempotencyReplayError
        └── IdempotencyOutcomeUnknownError
"""


class LedgerError(Exception):
    """The operation failed, and nothing has changed."""


class LedgerUnavailableError(LedgerError):
    """The database cannot be used: unreachable, locked, full, damaged, closed, other schema."""


class AccountExistsError(LedgerError):
    """Another account already has this name."""


class AccountNotFoundError(LedgerError):
    """No account has this name."""


class AccountLimitError(LedgerError):
    """The account does not exist, and its issuer has reached its limit of accounts."""


class InsufficientCreditsError(LedgerError):
    """The account has fewer credits available than the request may cost (micro-credits)."""

    def __init__(self, required: int, available: int) -> None:
        super().__init__(f"{required} micro-credits are required, {available} are available")
        self.required = required
        self.available = available


class RateLimitedError(LedgerError):
    """The account has exceeded a rate limit; retry after `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(f"the account's rate is used up for {retry_after_seconds:.3f} seconds")
        self.retry_after_seconds = retry_after_seconds


class InvalidKeyError(LedgerError):
    """The API key does not authenticate anyone."""


class KeyNotFoundError(InvalidKeyError):
    """No such key was ever issued."""


class KeyExpiredError(InvalidKeyError):
    """The key's own end date has passed."""


class KeyRevokedError(InvalidKeyError):
    """The key was revoked."""


class HoldClosedError(LedgerError):
    """The hold is already settled or released."""


class IdempotencyConflictError(LedgerError):
    """An earlier request of the account used the same idempotency key."""


class IdempotencyInProgressError(IdempotencyConflictError):
    """The earlier request is still running."""


class IdempotencyMismatchError(IdempotencyConflictError):
    """The earlier request was a different one."""


class IdempotencyReplayError(IdempotencyConflictError):
    """The earlier request was the same one, and has been charged (micro-credits)."""

    def __init__(self, request_id: str, charged: int) -> None:
        super().__init__(f"request {request_id} was charged {charged} micro-credits for this key")
        self.request_id = request_id
        self.charged = charged


class IdempotencyOutcomeUnknownError(IdempotencyConflictError):
    """The earlier request was the same one, and the provider may have made its images.

    The outcome is unknown because the process ended or lost the connection to the provider. Only
    the client can decide whether to repeat the request with another key.
    """

    def __init__(self, request_id: str) -> None:
        super().__init__(f"the outcome of request {request_id} for this key is unknown")
        self.request_id = request_id
