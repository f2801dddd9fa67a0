"""Objects of the kinds, and a shell in memory that carries out their plans."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from tests.accounts.memory import MemoryLedger
from tintype_accounts.api_keys import digest, new_secret
from tintype_accounts.backend import BackendUnavailableError
from tintype_accounts.documents import Author
from tintype_accounts.planning.accounts import converge_account
from tintype_accounts.planning.actions import Plan, converge
from tintype_accounts.planning.conditions import since
from tintype_accounts.planning.grants import converge_grant
from tintype_accounts.planning.keys import ObservedKey, ObservedSecret, plan_key
from tintype_accounts.planning.references import find_account
from tintype_accounts.resources import Account, ApiKey, CreditGrant, key_owner
from tintype_accounts.status import AccountStatus, ApiKeyStatus, CreditGrantStatus, Status
from tintype_catalog.contract import Contract

OWNER = "tintype/images"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AUTHOR = Author(kind="resource", name="a test")

T = TypeVar("T", bound=Contract)


def an_object(kind: type[T], name: str, spec: dict[str, Any], **metadata: Any) -> T:
    """Return an object of the namespace `team`, with camelCase fields."""
    manifest = {"metadata": {"name": name, "namespace": "team", **metadata}, "spec": spec}
    return kind.model_validate(manifest, strict=False)


@dataclass
class Cluster:
    """The Accounts and Secrets of a namespace, beside a ledger."""

    ledger: MemoryLedger = field(default_factory=lambda: MemoryLedger(NOON))
    accounts: dict[str, Account] = field(default_factory=dict)
    secrets: dict[str, ObservedSecret] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)
    on_write: Callable[[], None] = lambda: None
    """Called before each change of a Secret."""

    async def account(self, account: Account) -> Plan[AccountStatus]:
        name = account.metadata.name
        self.accounts[name] = account
        before = since(self._status(name))
        plan = await converge_account(
            account, self.ledger, self._clock, owner=OWNER, author=AUTHOR, before=before
        )
        return self._done(name, plan)

    async def key(self, key: ApiKey) -> Plan[ApiKeyStatus]:
        async def plan() -> Plan[ApiKeyStatus]:
            owner = key_owner(OWNER, "team", key.metadata.name, key.metadata.uid)
            observed = ObservedKey(
                account=await find_account(key.spec, self.accounts, self.ledger, owner=OWNER),
                secret=self.secrets.get(key.secret_name, ObservedSecret("absent")),
                keys=tuple(await self.ledger.keys(owner)),
            )
            before = since(self._status(key.metadata.name))
            now = self.ledger.now
            return plan_key(key, observed, now, owner=OWNER, fresh=new_secret(), before=before)

        async def write(secret: str) -> None:
            self.on_write()
            self.secrets[key.secret_name] = ObservedSecret("own", secret)

        done = await converge(plan, self.ledger, author=AUTHOR, write_secret=write)
        return self._done(key.metadata.name, done)

    async def grant(self, grant: CreditGrant) -> Plan[CreditGrantStatus]:
        name = grant.metadata.name
        before = since(self._status(name))
        plan = await converge_grant(
            grant,
            self.accounts,
            self.ledger,
            self._clock,
            owner=OWNER,
            author=AUTHOR,
            before=before,
        )
        return self._done(name, plan)

    def _clock(self) -> datetime:
        return self.ledger.now

    def works(self, secret_name: str, at: datetime | None = None) -> bool:
        """Return whether the key in a Secret is valid."""
        value = self.secrets[secret_name].value or ""
        return self.ledger.accepts(digest(value).hex(), at or self.ledger.now)

    def cannot_be_written(self) -> None:
        raise BackendUnavailableError("the API server is away")

    def _status(self, name: str) -> dict[str, Any] | None:
        found = self.statuses.get(name)
        return None if found is None else found.model_dump(mode="json")

    def _done(self, name: str, plan: Plan[Any]) -> Plan[Any]:
        self.statuses[name] = plan.status
        return plan
