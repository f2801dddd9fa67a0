"""The actions of plans, and the loop that carries plans out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from tintype_accounts.backend import AccountsBackend, BackendUnavailableError
from tintype_accounts.documents import AccountSettings, Author, GrantSettings, KeySettings
from tintype_accounts.planning.conditions import Since, Verdict, with_verdict
from tintype_accounts.status import Status

MAX_ROUNDS = 5
"""How often an object is planned at once. Two rounds of actions are enough for every state; others
change it at the same time if they are not."""

S = TypeVar("S", bound=Status, covariant=True)
T = TypeVar("T", bound=Status)


@dataclass(frozen=True)
class PutAccount:
    """Create, adopt or change an account."""

    name: str
    settings: AccountSettings
    owner: str


@dataclass(frozen=True)
class PutKey:
    """Register a key."""

    key_id: str
    settings: KeySettings


@dataclass(frozen=True)
class SetKeyExpiry:
    """Change when a key expires."""

    key_id: str
    expires_at: datetime | None


@dataclass(frozen=True)
class RevokeKey:
    """Revoke a key."""

    key_id: str


@dataclass(frozen=True)
class WriteSecret:
    """Write a key into its Secret, which is absent or belongs to the ApiKey."""

    secret: str = field(repr=False)


@dataclass(frozen=True)
class PutGrant:
    """Grant credits."""

    reference: str
    settings: GrantSettings


Action = PutAccount | PutKey | SetKeyExpiry | RevokeKey | WriteSecret | PutGrant


@dataclass(frozen=True)
class Plan(Generic[S]):
    """What to do now, or the status of an object for which there is nothing to do."""

    status: S
    """The status of the object as it was observed: not ready while there are actions."""

    verdict: Verdict
    """What the conditions of the status say."""

    actions: tuple[Action, ...] = ()
    """The next actions, in this order. After them, observe and plan again."""

    look_again_at: datetime | None = None
    """When the plan changes by time alone; None: never."""


@dataclass(frozen=True)
class Planner:
    """Makes the plans of one object at one time."""

    generation: int
    now: datetime
    before: Since
    """The transition times of the object's conditions."""

    def plan(
        self, status: T, verdict: Verdict, *actions: Action, at: datetime | None = None
    ) -> Plan[T]:
        """Return a plan whose status has the conditions of the verdict."""
        with_conditions = with_verdict(status, self.generation, verdict, self.now, self.before)
        return Plan(with_conditions, verdict, actions, at)


SecretWriter = Callable[[str], Awaitable[None]]
"""Writes a key into the Secret of the object that a plan is for."""


async def converge(
    observe_and_plan: Callable[[], Awaitable[Plan[S]]],
    backend: AccountsBackend,
    *,
    author: Author,
    write_secret: SecretWriter | None = None,
) -> Plan[S]:
    """Carry out plans until there is nothing to do, and return the last one.

    Args:
        observe_and_plan: Reads what the object needs anew, and plans.
        backend: Where accounts, keys and grants are.
        author: The object, for the audit log.
        write_secret: Writes the Secret; only plans of ApiKeys need it.

    Raises:
        BackendError: An action failed. Planning again later continues after it.
        BackendUnavailableError: Something else changes the object's state at the same time.
    """
    for _ in range(MAX_ROUNDS):
        plan = await observe_and_plan()
        if not plan.actions:
            return plan
        for action in plan.actions:
            await _carry_out(action, backend, author, write_secret)
    raise BackendUnavailableError("something else changes this object's state at the same time")


async def _carry_out(
    action: Action, backend: AccountsBackend, author: Author, write_secret: SecretWriter | None
) -> None:
    match action:
        case PutAccount(name, settings, owner):
            await backend.put_account(name, settings, owner=owner, author=author)
        case PutKey(key_id, key_settings):
            await backend.put_key(key_id, key_settings, author=author)
        case SetKeyExpiry(key_id, expires_at):
            await backend.set_key_expiry(key_id, expires_at, author=author)
        case RevokeKey(key_id):
            await backend.revoke_key(key_id, author=author)
        case PutGrant(reference, grant_settings):
            await backend.put_grant(reference, grant_settings, author=author)
        case WriteSecret(secret):
            if write_secret is None:
                raise TypeError("a plan of an ApiKey needs a writer of its Secret")
            await write_secret(secret)
