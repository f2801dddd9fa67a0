"""The interface of the ledger: its operations and their values."""

from typing import Protocol

from tintype_gateway.accounts import (
    UNRESTRICTED,
    Account,
    AccountSpec,
    ApiKey,
    Audit,
    Budget,
    Caller,
    Grant,
    Policy,
    Profile,
    Usage,
    WindowSpent,
)
from tintype_gateway.holds import Hold, HoldRequest, Idempotency, Settlement
from tintype_gateway.ledger.changes import UNNAMED, Author, Change, ChangeFilter, ReportedChange
from tintype_gateway.ledger.operations.accounts import AccountOperations
from tintype_gateway.ledger.operations.changes import ChangeOperations
from tintype_gateway.ledger.operations.credits import CreditOperations
from tintype_gateway.ledger.operations.holds import HoldOperations
from tintype_gateway.ledger.operations.jobs import JobOperations
from tintype_gateway.ledger.operations.keys import KeyOperations
from tintype_gateway.ledger.operations.slots import SlotOperations
from tintype_gateway.ledger.operations.webhook_secrets import WebhookSecretOperations
from tintype_gateway.ledger.operations.webhooks import WebhookOperations
from tintype_gateway.ledger.slot_queue import SlotLimits, SlotRequest, SlotResult

__all__ = [
    "UNNAMED",
    "UNRESTRICTED",
    "Account",
    "AccountSpec",
    "ApiKey",
    "Audit",
    "Author",
    "Budget",
    "Caller",
    "Change",
    "ChangeFilter",
    "Grant",
    "Hold",
    "HoldRequest",
    "Idempotency",
    "Ledger",
    "Policy",
    "Profile",
    "ReportedChange",
    "Settlement",
    "SlotLimits",
    "SlotRequest",
    "SlotResult",
    "Usage",
    "WindowSpent",
]


class Ledger(
    AccountOperations,
    CreditOperations,
    KeyOperations,
    HoldOperations,
    SlotOperations,
    ChangeOperations,
    WebhookOperations,
    JobOperations,
    WebhookSecretOperations,
    Protocol,
):
    """Accounts, keys, holds and charges, safe for any number of concurrent callers.

    Every operation is one transaction: when it returns, its effect is durable; when it raises a
    :class:`LedgerError`, it had none. All raise `LedgerUnavailableError`, in bounded time, when the
    database cannot be used, and `ValueError` for an invalid amount. There is one exception: if a
    server fails during an operation and does not return in time, or if the disk fails,
    `LedgerUnavailableError` leaves open whether the operation took effect, once or not at all.

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

    async def audit(self) -> Audit:
        """Check every balance, hold and charge against the entries, in one snapshot."""

    async def close(self) -> None:
        """Finish pending operations, then close the database. Closing again changes nothing."""
