"""Accounts: who pays, within which limits and budgets."""

from collections.abc import Sequence
from typing import Protocol

from tintype_gateway.accounts import UNRESTRICTED, Account, AccountSpec, Budget, Policy
from tintype_gateway.ledger.changes import UNNAMED, Author


class AccountOperations(Protocol):
    """A part of `Ledger`, which says what all operations have in common."""

    async def create_account(
        self,
        name: str,
        *,
        credits_micro: int = 0,
        unlimited: bool = False,
        policy: Policy = UNRESTRICTED,
        author: Author = UNNAMED,
    ) -> Account:
        """Open an account with its initial credits.

        Raises:
            AccountExistsError: the name is taken.
            ValueError: the name is empty, too long, not printable, or reserved for the ledger.
        """

    async def ensure_account(
        self,
        name: str,
        *,
        issuer: str,
        max_accounts: int,
        credits_micro: int = 0,
        author: Author = UNNAMED,
    ) -> Account:
        """Return the account of this name; open it with its initial credits if it does not exist.

        Concurrent calls grant the credits once. `issuer` is the issuer of the token that names the
        account, and `max_accounts` its limit of accounts.

        Raises:
            AccountLimitError: the account does not exist, and the issuer is at its limit.
            ValueError: as `create_account`.
        """

    async def put_account(
        self, name: str, spec: AccountSpec, *, owner: str | None = None, author: Author = UNNAMED
    ) -> tuple[Account, bool]:
        """Create an account, or replace its spec; return it, and whether it is new.

        The owner keeps it until `release_account`. An account that exists without an owner is
        adopted. The same spec again changes nothing, and records nothing.

        Raises:
            AccountOwnedError: the account has another owner.
            ValueError: as `create_account`, or for an owner that is not printable.
        """

    async def release_account(self, name: str, owner: str, *, author: Author = UNNAMED) -> Account:
        """Let the owner give up an account: it stays as it is, or is suspended, by its spec.

        Releasing an account without an owner changes nothing.

        Raises:
            AccountNotFoundError: no account has this name.
            AccountOwnedError: the account has another owner.
        """

    async def account(self, name: str) -> Account:
        """Read one account.

        Raises:
            AccountNotFoundError: no account has this name.
        """

    async def accounts(self, *, owner: str | None = None) -> Sequence[Account]:
        """Read all accounts, by name, or those whose owner begins with a text."""

    async def set_policy(self, name: str, policy: Policy, *, author: Author = UNNAMED) -> Account:
        """Replace the policy of an account; its rates take account of its earlier requests.

        Raises:
            AccountNotFoundError: no account has this name.
        """

    async def set_budgets(
        self,
        name: str,
        time_zone: str,
        budgets: Sequence[Budget],
        *,
        author: Author = UNNAMED,
    ) -> Account:
        """Replace the budgets of an account, and the time zone of their windows.

        They count at once what was held and charged in their windows before. A hold belongs to the
        windows of its moment for good. If the new time zone is behind the old one, the windows that
        have begun stay current until its own clock has reached them.

        Raises:
            AccountNotFoundError: no account has this name.
            ValueError: the time zone does not exist, or there are too many budgets or two for the
                same window and model.
        """
