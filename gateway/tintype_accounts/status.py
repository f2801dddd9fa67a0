"""The statuses of the kinds, with conditions that kstatus, Argo CD and Flux read.

`Ready` is always present. `Reconciling` and `Stalled` are present only while they are True, as
kstatus expects of conditions that report something abnormal.
"""

from typing import Annotated

from pydantic import Field

from tintype_accounts.account import Window
from tintype_catalog.conditions import Conditions, ObjectStatus, Timestamp
from tintype_catalog.contract import Contract

Amount = Annotated[str, Field(max_length=32)]
"""Credits as a decimal string, negative with a minus."""


class Status(ObjectStatus):
    """What the statuses of all kinds have."""

    conditions: Conditions = ()
    """`Ready`: the ledger has what the object says. While they are True also `Reconciling`: the
    operator works on it, or waits for something else; and `Stalled`: nothing changes until somebody
    corrects the cause."""

    account_name: Annotated[str, Field(max_length=255)] | None = None
    """The name of the account in the ledger."""


class WindowStatus(Contract):
    """A current window of a budget."""

    window: Window
    """The window of the budget."""

    model: Annotated[str, Field(max_length=128)] | None = None
    """The model of the budget; absent for all models together."""

    credits: Amount
    """The most credits of the window."""

    spent: Amount
    """The credits that were spent or are held for running requests."""

    ends_at: Timestamp
    """The end of the window."""


class AccountStatus(Status):
    """What the ledger says of an account."""

    balance: Amount | None = None
    """The credits of the account, including held ones. Refreshed at most every minute."""

    held: Amount | None = None
    """The credits that running requests may still cost."""

    windows: Annotated[tuple[WindowStatus, ...], Field(max_length=32)] = ()
    """The current window of each budget."""


class ApiKeyStatus(Status):
    """Which key is in the Secret. The key itself is only there."""

    key_id: Annotated[str, Field(max_length=64)] | None = None
    """The id of the key in the Secret, as the ledger and the logs have it."""

    secret_name: Annotated[str, Field(max_length=253)] | None = None
    """The name of the Secret."""

    expires_at: Timestamp | None = None
    """The time when the key expires; absent: never."""

    rotated_at: Timestamp | None = None
    """The time when the key was registered."""

    next_rotation: Timestamp | None = None
    """The time when the key is replaced; absent: never."""


class CreditGrantStatus(Status):
    """Whether the credits were granted."""

    posting: Annotated[str, Field(max_length=64)] | None = None
    """The id of the ledger's posting of the grant."""

    applied_at: Timestamp | None = None
    """The time when the ledger recorded the grant."""
