"""What is done to accounts, keys and grants, by the admin API and by the ledger alike."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tintype_accounts.documents import (
    AccountSettings,
    AccountState,
    Author,
    GrantSettings,
    GrantState,
    KeySettings,
    KeyState,
)


class BackendError(Exception):
    """An operation failed, and changed nothing. The message is for people."""


class BackendUnavailableError(BackendError):
    """No gateway, or no database: try again. The operation may have taken effect."""


class RefusedError(BackendError):
    """The values are invalid, or the caller may not do this. A repetition changes nothing."""


class AccountMissingError(BackendError):
    """No account has this name."""


class AccountOwnedError(BackendError):
    """Another object describes the account."""


class KeyConflictError(BackendError):
    """A key with this id exists and is another one."""


class GrantConflictError(BackendError):
    """A grant with this reference exists and is another one."""


class AccountsBackend(Protocol):
    """The operations of the admin API that a plan needs. All are idempotent.

    All raise `BackendUnavailableError` if they cannot be tried, and `RefusedError` for values that
    the ledger does not take.
    """

    async def account(self, name: str) -> AccountState | None:
        """Return an account, None if it does not exist."""

    async def accounts(self, owner: str = "") -> Sequence[AccountState]:
        """Return the accounts whose owner begins with a text; all accounts without one."""

    async def put_account(
        self, name: str, settings: AccountSettings, *, owner: str, author: Author
    ) -> AccountState:
        """Create an account, or replace its settings and become the owner of one without an owner.

        Raises:
            AccountOwnedError: It has another owner.
        """

    async def release_account(self, name: str, *, owner: str, author: Author) -> None:
        """Leave an account without an owner, if this is its owner, as its deletion policy says."""

    async def keys(self, owner: str, *, active: bool = False) -> Sequence[KeyState]:
        """Return the keys whose owner begins with a text.

        With `active`, those that are expired or revoked are left out.
        """

    async def put_key(self, key_id: str, settings: KeySettings, *, author: Author) -> KeyState:
        """Register a key, or return it if it is already registered with this content.

        Raises:
            AccountMissingError: Its account does not exist.
            KeyConflictError: The id belongs to another key.
        """

    async def set_key_expiry(
        self, key_id: str, expires_at: datetime | None, *, author: Author
    ) -> None:
        """Change when a key that is valid expires."""

    async def revoke_key(self, key_id: str, *, author: Author) -> None:
        """Revoke a key now."""

    async def grant(self, reference: str) -> GrantState | None:
        """Return the grant with a reference, None if there is none."""

    async def put_grant(
        self, reference: str, settings: GrantSettings, *, author: Author
    ) -> GrantState:
        """Grant credits once for good, or return the grant that did, with its own reason.

        Raises:
            AccountMissingError: The account does not exist.
            GrantConflictError: The reference belongs to other credits, or to another account.
        """
