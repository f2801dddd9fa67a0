"""Plans of accounts, keys and grants end in the state that they ask for, on each engine."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.accounts.working import an_object
from tintype_accounts.account import AccountSpec
from tintype_accounts.api_keys import digest, id_of, new_secret
from tintype_accounts.backend import (
    AccountMissingError,
    AccountOwnedError,
    BackendUnavailableError,
    GrantConflictError,
    KeyConflictError,
    RefusedError,
)
from tintype_accounts.documents import (
    AccountSettings,
    AccountState,
    Author,
    GrantSettings,
    KeySettings,
)
from tintype_accounts.planning.accounts import ordered, plan_account, settings_of
from tintype_accounts.planning.actions import Plan, converge
from tintype_accounts.planning.keys import ObservedKey, ObservedSecret, plan_key
from tintype_accounts.planning.references import ReferencedAccount
from tintype_accounts.resources import Account, ApiKey, account_owner, key_owner
from tintype_accounts.status import ApiKeyStatus
from tintype_gateway.accounts_folder.ledger_backend import LedgerBackend
from tintype_gateway.ledger import Ledger
from tintype_testing.ledgers import Clock

OWNER = "folder"
MINE = account_owner(OWNER, "team", "acme")
BY = Author(kind="folder", name="a test", details={"file": "a.yaml"})

FULL: dict[str, Any] = {
    "displayName": "Acme",
    "models": ["b", "a"],
    "limits": {"requestsPerMinute": 60, "imagesPerMinute": 120, "callsPerMinute": 700},
    "budgets": [
        {"window": "month", "credits": "50", "alertPercents": [80, 50]},
        {"window": "week", "credits": "20"},
        {"window": "day", "credits": "2.5", "model": "a"},
        {"window": "day", "credits": "5"},
    ],
    "timeZone": "Europe/Berlin",
    "unlimited": True,
    "suspended": True,
    "responseProfile": "openai",
    "deletionPolicy": "Suspend",
}


@pytest.fixture
def backend(ledger: Ledger) -> LedgerBackend:
    return LedgerBackend(ledger)


@pytest.mark.parametrize("left_out", [None, *FULL])
async def test_an_account_gets_every_field_and_loses_those_that_are_left_out(
    backend: LedgerBackend, clock: Clock, left_out: str | None
) -> None:
    spec = {name: value for name, value in FULL.items() if name != left_out}
    for wanted in (FULL, spec):
        account = an_object(Account, "acme", wanted)

        async def plan(account: Account = account) -> Plan[Any]:
            state = await backend.account("acme")
            now = datetime.fromtimestamp(clock(), UTC)
            return plan_account(account, state, now, owner=OWNER)

        done = await converge(plan, backend, author=BY)

        assert done.verdict.state == "ready"
        state = await backend.account("acme")
        assert state is not None
        assert ordered(state.settings) == settings_of(account.spec)
        assert len(state.windows) == len(account.spec.budgets)


async def test_a_key_is_registered_replaced_and_ended(
    backend: LedgerBackend, ledger: Ledger, clock: Clock
) -> None:
    await backend.put_account("acme", AccountSettings(), owner=MINE, author=BY)
    spec = {"account": "acme", "rotation": {"interval": "24h", "overlap": "1h"}}
    key = an_object(ApiKey, "app", spec, uid="1")
    owner = key_owner(OWNER, "team", "app", "1")
    written: list[str] = []

    async def plan() -> Plan[ApiKeyStatus]:
        secret = ObservedSecret("own", written[-1]) if written else ObservedSecret("absent")
        there = ReferencedAccount("the Account `acme`", "acme", True)
        observed = ObservedKey(there, secret, tuple(await backend.keys(owner)))
        now = datetime.fromtimestamp(clock(), UTC)
        return plan_key(key, observed, now, owner=OWNER, fresh=new_secret())

    async def write(secret: str) -> None:
        written.append(secret)

    for _ in range(2):
        await converge(plan, backend, author=BY, write_secret=write)
        clock.advance(24 * 3600)
    clock.advance(-24 * 3600)

    first, second = written
    assert {(await ledger.authenticate(each)).key_id for each in written} == {*map(id_of, written)}
    clock.advance(3600)
    assert [each.id for each in await backend.keys(owner, active=True)] == [id_of(second)]
    assert [each.id for each in await backend.keys(owner)] == [id_of(first), id_of(second)]


async def test_the_second_owner_of_an_account_is_refused_until_the_first_releases_it(
    backend: LedgerBackend,
) -> None:
    suspending = AccountSettings(deletion_policy="suspend")
    await backend.put_account("acme", suspending, owner=MINE, author=BY)
    other = account_owner("another", "team", "acme")

    with pytest.raises(AccountOwnedError):
        await backend.put_account("acme", AccountSettings(), owner=other, author=BY)
    with pytest.raises(AccountOwnedError):
        await backend.release_account("acme", owner=other, author=BY)
    await backend.release_account("acme", owner=MINE, author=BY)

    released = await backend.account("acme")
    assert released is not None
    assert (released.owner, released.suspended) == (None, True)
    await backend.put_account("acme", AccountSettings(), owner=other, author=BY)
    assert [each.name for each in await backend.accounts("another:")] == ["acme"]
    assert await backend.accounts("folder:") == []


async def test_a_grant_is_made_once(backend: LedgerBackend, clock: Clock) -> None:
    await backend.put_account("acme", AccountSettings(), owner=MINE, author=BY)
    settings = GrantSettings(account="acme", micro_credits=5, reason="March")
    first = await backend.put_grant("acme/march", settings, author=BY)
    clock.advance(60)

    assert await backend.put_grant("acme/march", settings, author=BY) == first
    assert await backend.grant("acme/march") == first
    assert await backend.grant("acme/april") is None
    changed = settings.model_copy(update={"micro_credits": 6})
    with pytest.raises(GrantConflictError):
        await backend.put_grant("acme/march", changed, author=BY)
    account = await backend.account("acme")
    assert account is not None
    assert account.balance == 5


def a_key(**fields: Any) -> KeySettings:
    sha256 = digest("sk-a").hex()
    return KeySettings(account="acme", sha256=sha256, owner="folder:team/app:").model_copy(
        update=fields
    )


async def test_a_key_under_a_used_id_is_a_conflict(backend: LedgerBackend) -> None:
    await backend.put_account("acme", AccountSettings(), owner=MINE, author=BY)
    first = await backend.put_key("key-1", a_key(), author=BY)

    assert await backend.put_key("key-1", a_key(), author=BY) == first
    with pytest.raises(KeyConflictError):
        await backend.put_key("key-1", a_key(sha256=digest("sk-b").hex()), author=BY)
    await backend.revoke_key("key-1", author=BY)
    await backend.revoke_key("key-1", author=BY)
    assert await backend.keys("folder:", active=True) == []


async def test_what_the_ledger_does_not_take_is_refused(backend: LedgerBackend) -> None:
    put = backend.put_account
    with pytest.raises(RefusedError, match="Europe/Berlim"):
        await put("acme", AccountSettings(time_zone="Europe/Berlim"), owner=MINE, author=BY)
    with pytest.raises(RefusedError, match="sys:"):
        await put("sys:revenue", AccountSettings(), owner=MINE, author=BY)
    with pytest.raises(AccountMissingError):
        await backend.put_key("key-1", a_key(account="nobody"), author=BY)
    settings = GrantSettings(account="nobody", micro_credits=1, reason="x")
    with pytest.raises(AccountMissingError):
        await backend.put_grant("x", settings, author=BY)
    with pytest.raises(RefusedError):
        await backend.set_key_expiry("nothing", None, author=BY)
    assert await backend.account("nobody") is None


async def test_a_ledger_that_is_away_is_unavailable(backend: LedgerBackend, ledger: Ledger) -> None:
    await ledger.close()

    with pytest.raises(BackendUnavailableError):
        await backend.account("acme")


def test_a_spec_without_fields_means_the_defaults_of_the_ledger() -> None:
    assert settings_of(AccountSpec()) == AccountSettings()
    assert AccountState(name="acme").settings == AccountSettings()
