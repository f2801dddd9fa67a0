"""The account that a key or a grant belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from tintype_accounts.backend import AccountsBackend
from tintype_accounts.planning.conditions import Verdict
from tintype_accounts.references import OfAccount
from tintype_accounts.resources import Account, account_owner

WAIT = timedelta(seconds=30)
"""The time after which an object looks again for its account."""


@dataclass(frozen=True)
class ReferencedAccount:
    """The account of a key or grant, as far as it exists."""

    wanted: str
    """What the object says, and what is wrong with it if it has to wait, for people."""

    name: str | None
    """Its name in the ledger; None: no Account object has the name that the object says."""

    exists: bool
    """Whether the ledger has it as its Account object describes it, or without one at all."""

    @property
    def waiting(self) -> Verdict | None:
        """Why the object waits for its account; None if it need not."""
        if self.name is None:
            return Verdict("reconciling", "AccountMissing", f"Waiting for {self.wanted}.")
        if not self.exists:
            return Verdict("reconciling", "AccountNotReady", f"Waiting for {self.wanted}.")
        return None


async def find_account(
    spec: OfAccount, accounts: Mapping[str, Account], backend: AccountsBackend, *, owner: str
) -> ReferencedAccount:
    """Return the account that an object belongs to, as the ledger has it now.

    Args:
        spec: The spec of the object.
        accounts: The valid Account objects of its namespace, by name.
        backend: The ledger.
        owner: The name of the operator or folder.

    Raises:
        BackendError: The ledger could not be asked.
    """
    if spec.account is None:
        name = str(spec.account_name)  # one of both is set
        state = await backend.account(name)
        wanted = f"the account `{name}`, which the ledger does not have yet"
        return ReferencedAccount(wanted, name, state is not None)
    wanted = f"the Account `{spec.account}`"
    found = accounts.get(spec.account)
    if found is None:
        missing = f"{wanted}: the namespace has no valid one of that name yet"
        return ReferencedAccount(missing, None, False)
    state = await backend.account(found.account_name)
    mine = account_owner(owner, found.metadata.namespace, found.metadata.name)
    exists = state is not None and state.owner == mine
    not_ready = f"{wanted}, which is not Ready: its conditions say why"
    return ReferencedAccount(wanted if exists else not_ready, found.account_name, exists)
