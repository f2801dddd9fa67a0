"""A ledger of accounts, keys and grants in memory: the model that plans are carried out on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from typing_extensions import override

from tintype_accounts.backend import (
    AccountMissingError,
    AccountOwnedError,
    AccountsBackend,
    BackendUnavailableError,
    GrantConflictError,
    KeyConflictError,
)
from tintype_accounts.documents import (
    AccountSettings,
    AccountState,
    Author,
    GrantSettings,
    GrantState,
    KeySettings,
    KeyState,
)


@dataclass
class MemoryLedger(AccountsBackend):
    """Keeps the contract of `AccountsBackend`, at a time that the test sets.

    `fails_after` operations that change something have taken effect, it is out of reach.
    """

    now: datetime
    fails_after: int | None = None
    changes: int = 0
    by_name: dict[str, AccountState] = field(default_factory=dict)
    by_id: dict[str, KeyState] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    grants: dict[str, GrantState] = field(default_factory=dict)

    def _change(self) -> None:
        if self.fails_after is not None and self.changes >= self.fails_after:
            raise BackendUnavailableError("out of reach")
        self.changes += 1

    def balance(self, account: str) -> int:
        return sum(each.micro_credits for each in self.grants.values() if each.account == account)

    def accepts(self, secret_digest: str, at: datetime) -> bool:
        """Return whether a request with the key of this digest is authenticated."""
        for key_id, digest in self.digests.items():
            if digest == secret_digest:
                key = self.by_id[key_id]
                ends = (key.expires_at, key.revoked_at)
                return all(end is None or at < end for end in ends)
        return False

    @override
    async def account(self, name: str) -> AccountState | None:
        found = self.by_name.get(name)
        return found and found.model_copy(update={"balance": self.balance(name)})

    @override
    async def accounts(self, owner: str = "") -> Sequence[AccountState]:
        return [each for each in self.by_name.values() if (each.owner or "").startswith(owner)]

    @override
    async def put_account(
        self, name: str, settings: AccountSettings, *, owner: str, author: Author
    ) -> AccountState:
        self._change()
        before = self.by_name.get(name)
        if before is not None and before.owner not in (None, owner):
            raise AccountOwnedError(f"the account {name} has the owner {before.owner}")
        self.by_name[name] = AccountState(**settings.model_dump(), name=name, owner=owner)
        return self.by_name[name]

    @override
    async def release_account(self, name: str, *, owner: str, author: Author) -> None:
        self._change()
        found = self.by_name.get(name)
        if found is not None and found.owner == owner:
            suspended = found.suspended or found.deletion_policy == "suspend"
            update = {"owner": None, "suspended": suspended}
            self.by_name[name] = found.model_copy(update=update)

    @override
    async def keys(self, owner: str, *, active: bool = False) -> Sequence[KeyState]:
        return [each for each in self.by_id.values() if (each.owner or "").startswith(owner)]

    @override
    async def put_key(self, key_id: str, settings: KeySettings, *, author: Author) -> KeyState:
        self._change()
        if settings.account not in self.by_name:
            raise AccountMissingError(f"no account {settings.account}")
        if self.digests.get(key_id, settings.sha256) != settings.sha256:
            raise KeyConflictError(f"the key {key_id} is another one")
        if key_id not in self.by_id:
            self.digests[key_id] = settings.sha256
            self.by_id[key_id] = KeyState(
                id=key_id, created_at=self.now, **settings.model_dump(exclude={"sha256"})
            )
        return self.by_id[key_id]

    @override
    async def set_key_expiry(
        self, key_id: str, expires_at: datetime | None, *, author: Author
    ) -> None:
        self._change()
        update = {"expires_at": expires_at}
        self.by_id[key_id] = self.by_id[key_id].model_copy(update=update)

    @override
    async def revoke_key(self, key_id: str, *, author: Author) -> None:
        self._change()
        update = {"revoked_at": self.now}
        self.by_id[key_id] = self.by_id[key_id].model_copy(update=update)

    @override
    async def grant(self, reference: str) -> GrantState | None:
        return self.grants.get(reference)

    @override
    async def put_grant(
        self, reference: str, settings: GrantSettings, *, author: Author
    ) -> GrantState:
        self._change()
        if settings.account not in self.by_name:
            raise AccountMissingError(f"no account {settings.account}")
        posting = str(len(self.grants) + 1)
        wanted = GrantState(
            **settings.model_dump(), reference=reference, posting=posting, created_at=self.now
        )
        found = self.grants.setdefault(reference, wanted)
        if (found.account, found.micro_credits) != (wanted.account, wanted.micro_credits):
            raise GrantConflictError(f"the reference {reference} was used for another grant")
        return found
