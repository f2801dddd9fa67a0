"""The operations of accounts."""

from collections.abc import Sequence

from tintype_gateway.accounts import UNRESTRICTED, Account, AccountSpec, Budget, Policy
from tintype_gateway.ledger.changes import UNNAMED, Author
from tintype_gateway.ledger.postgres import accounts
from tintype_gateway.ledger.postgres.operations.base import PostgresOperations
from tintype_gateway.ledger.validation import checked_owner


class PostgresAccounts(PostgresOperations):
    """See `AccountOperations`."""

    async def create_account(
        self,
        name: str,
        *,
        credits_micro: int = 0,
        unlimited: bool = False,
        policy: Policy = UNRESTRICTED,
        author: Author = UNNAMED,
    ) -> Account:
        """See `Ledger`."""
        return await accounts.create(
            self._database, self._now(), name, credits_micro, unlimited, policy, author
        )

    async def ensure_account(
        self,
        name: str,
        *,
        issuer: str,
        max_accounts: int,
        credits_micro: int = 0,
        author: Author = UNNAMED,
    ) -> Account:
        """See `Ledger`."""
        return await accounts.ensure(
            self._database, self._now(), name, issuer, max_accounts, credits_micro, author
        )

    async def put_account(
        self, name: str, spec: AccountSpec, *, owner: str | None = None, author: Author = UNNAMED
    ) -> tuple[Account, bool]:
        """See `Ledger`."""
        checked_owner(owner)
        return await accounts.put(self._database, self._now(), name, spec, owner, author)

    async def release_account(self, name: str, owner: str, *, author: Author = UNNAMED) -> Account:
        """See `Ledger`."""
        return await accounts.release(self._database, self._now(), name, owner, author)

    async def account(self, name: str) -> Account:
        """See `Ledger`."""
        return await accounts.with_windows(self._database, self._now(), name)

    async def accounts(self, *, owner: str | None = None) -> Sequence[Account]:
        """See `Ledger`."""
        return await accounts.read_all(self._database, self._now(), owner)

    async def set_policy(self, name: str, policy: Policy, *, author: Author = UNNAMED) -> Account:
        """See `Ledger`."""
        return await accounts.set_policy(self._database, self._now(), name, policy, author)

    async def set_budgets(
        self,
        name: str,
        time_zone: str,
        budgets: Sequence[Budget],
        *,
        author: Author = UNNAMED,
    ) -> Account:
        """See `Ledger`."""
        return await accounts.set_budgets(
            self._database, self._now(), name, time_zone, budgets, author
        )
