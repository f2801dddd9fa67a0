"""The operations of accounts."""

from collections.abc import Sequence

from tintype_gateway.accounts import UNRESTRICTED, Account, AccountSpec, Budget, Policy
from tintype_gateway.ledger.budgets import models_of
from tintype_gateway.ledger.changes import UNNAMED, Author
from tintype_gateway.ledger.sqlite import accounts
from tintype_gateway.ledger.sqlite.budget_history import Counted, count
from tintype_gateway.ledger.sqlite.operations.base import SqliteOperations
from tintype_gateway.ledger.sqlite.reading import reading
from tintype_gateway.ledger.validation import checked_owner


class SqliteAccounts(SqliteOperations):
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
        return await self._do(
            lambda db, now: accounts.create(db, now, name, credits_micro, unlimited, policy, author)
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
        return await self._do(
            lambda db, now: accounts.ensure(
                db, now, name, issuer, max_accounts, credits_micro, author
            )
        )

    async def put_account(
        self, name: str, spec: AccountSpec, *, owner: str | None = None, author: Author = UNNAMED
    ) -> tuple[Account, bool]:
        """See `Ledger`."""
        checked_owner(owner)
        counted = await self._counted(name, spec.budgets)
        return await self._do(
            lambda db, now: accounts.put(db, now, name, spec, owner, author, counted)
        )

    async def release_account(self, name: str, owner: str, *, author: Author = UNNAMED) -> Account:
        """See `Ledger`."""
        return await self._do(lambda db, now: accounts.release(db, now, name, owner, author))

    async def account(self, name: str) -> Account:
        """See `Ledger`."""
        return await self._read(lambda db, now: accounts.with_windows(db, now, name))

    async def accounts(self, *, owner: str | None = None) -> Sequence[Account]:
        """See `Ledger`."""
        return await self._do(lambda db, now: accounts.read_all(db, now, owner))

    async def set_policy(self, name: str, policy: Policy, *, author: Author = UNNAMED) -> Account:
        """See `Ledger`."""
        return await self._do(lambda db, now: accounts.set_policy(db, now, name, policy, author))

    async def set_budgets(
        self,
        name: str,
        time_zone: str,
        budgets: Sequence[Budget],
        *,
        author: Author = UNNAMED,
    ) -> Account:
        """See `Ledger`."""
        counted = await self._counted(name, budgets)
        return await self._do(
            lambda db, now: accounts.set_budgets(db, now, name, time_zone, budgets, author, counted)
        )

    async def _counted(self, name: str, budgets: Sequence[Budget]) -> Counted:
        """Return what models with a new budget were charged, without blocking the writer."""
        models = models_of(budgets)
        if not models:
            return Counted()
        self._writer.require_open()
        async with reading(self._path, self._busy_timeout_seconds) as file:
            return await file.run(lambda db: count(db, name, models))
