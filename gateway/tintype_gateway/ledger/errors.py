"""The errors of the ledger.

::

    LedgerError
    ├── LedgerUnavailableError
    ├── AccountExistsError
    ├── AccountNotFoundError
    ├── AccountLimitError
    ├── AccountOwnedError
    ├── AccountSuspendedError
    ├── GrantNotFoundError
    ├── GrantConflictError
    ├── KeyConflictError
    ├── InsufficientCreditsError
    ├── BudgetExceededError
    ├── RateLimitedError
    ├── InvalidKeyError
    │   ├── KeyNotFoundError
    │   ├── KeyExpiredError
    │   └── KeyRevokedError
    ├── HoldClosedError
    ├── WebhookNotFoundError
    ├── JobNotFoundError
    ├── JobLostError
    ├── JobQueueFullError
    ├── WebhookSecretLimitError
    ├── WebhookSecretNotFoundError
    └── IdempotencyConflictError
        ├── IdempotentJobError
        ├── IdempotencyInProgressError
        ├── IdempotencyMismatchError
        ├── IdempotencyReplayError
        └── IdempotencyOutcomeUnknownError
"""

from tintype_gateway.accounts import WindowSpent


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


class AccountOwnedError(LedgerError):
    """Something else owns the account, such as a resource of a cluster."""


class AccountSuspendedError(LedgerError):
    """The account is suspended."""


class GrantNotFoundError(LedgerError):
    """No grant has this reference."""


class GrantConflictError(LedgerError):
    """The reference belongs to another grant: other credits, or of another account."""


class KeyConflictError(LedgerError):
    """The id or the secret belongs to another key."""


class InsufficientCreditsError(LedgerError):
    """The account has fewer credits available than the request may cost (micro-credits)."""

    def __init__(self, required: int, available: int) -> None:
        super().__init__(f"{required} micro-credits are required, {available} are available")
        self.required = required
        self.available = available


class BudgetExceededError(LedgerError):
    """The account would spend more in a window than its budget allows (micro-credits).

    Of several such budgets, this is the one whose window ends last.
    """

    def __init__(self, window: WindowSpent, needed: int) -> None:
        budget = window.budget
        super().__init__(
            f"{needed} micro-credits are required, {budget.limit - window.spent} of"
            f" {budget.limit} are left in this {budget.window}"
        )
        self.window = window
        self.budget = budget
        self.spent = window.spent
        self.needed = needed
        self.ends_at = window.end


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


class WebhookNotFoundError(LedgerError):
    """No webhook in the outbox has this id."""


class JobNotFoundError(LedgerError):
    """The account has no job with this id."""


class JobLostError(LedgerError):
    """The claim does not have the job: it was ended, or another worker has it."""


class JobQueueFullError(LedgerError):
    """The account has as many queued jobs as it may; retry after `retry_after_seconds`."""

    def __init__(self, queued: int, retry_after_seconds: float) -> None:
        super().__init__(f"the account has {queued} queued jobs, which are all that it may")
        self.queued = queued
        self.retry_after_seconds = retry_after_seconds


class WebhookSecretLimitError(LedgerError):
    """The account has as many valid secrets of webhooks as it may have."""


class WebhookSecretNotFoundError(LedgerError):
    """The account has no secret of webhooks with this id."""


class HoldClosedError(LedgerError):
    """The hold is already settled or released."""


class IdempotencyConflictError(LedgerError):
    """An earlier request of the account used the same idempotency key."""


class IdempotentJobError(IdempotencyConflictError):
    """The earlier request was the same one, and is a job."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"the first request with this key is {job_id}")
        self.job_id = job_id


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
