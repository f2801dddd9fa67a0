"""Accounts that something puts as they are to be, again and again, on both engines."""

import asyncio
from dataclasses import replace

import pytest

from tintype_gateway.ledger import (
    Account,
    AccountNotFoundError,
    AccountOwnedError,
    AccountSpec,
    AccountSuspendedError,
    Budget,
    Caller,
    Ledger,
    Policy,
)
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import take

CLUSTER = "images/tintype:team-a/studio"
OTHER = "images/other:team-a/studio"

SPEC = AccountSpec(
    display_name="Studio 7",
    unlimited=True,
    policy=Policy(models=frozenset({"gpt-image-1"}), images_per_minute=60),
    deletion_policy="suspend",
)


async def test_an_account_is_made_as_it_is_put(ledger: Ledger) -> None:
    account, is_new = await ledger.put_account("studio", SPEC, owner=CLUSTER)

    assert is_new
    assert account == Account(
        "studio",
        unlimited=True,
        balance=0,
        held=0,
        policy=SPEC.policy,
        display_name="Studio 7",
        owner=CLUSTER,
        deletion_policy="suspend",
    )
    assert await ledger.account("studio") == account


async def test_a_second_put_replaces_all_but_the_credits(ledger: Ledger, caller: Caller) -> None:
    await take(ledger, caller, 400)

    account, is_new = await ledger.put_account("studio", SPEC)
    replaced, _ = await ledger.put_account("studio", AccountSpec())

    assert not is_new
    assert (account.balance, account.held, account.policy) == (1000, 400, SPEC.policy)
    assert replaced == Account("studio", unlimited=False, balance=1000, held=400)


async def test_an_account_without_an_owner_is_adopted(ledger: Ledger) -> None:
    await ledger.create_account("studio", credits_micro=70)

    account, is_new = await ledger.put_account("studio", SPEC, owner=CLUSTER)

    assert (is_new, account.owner, account.balance) == (False, CLUSTER, 70)


@pytest.mark.parametrize("owner", [OTHER, None])
async def test_an_account_of_another_owner_stays_as_it_is(
    ledger: Ledger, owner: str | None
) -> None:
    account, _ = await ledger.put_account("studio", SPEC, owner=CLUSTER)

    with pytest.raises(AccountOwnedError, match=CLUSTER):
        await ledger.put_account("studio", AccountSpec(), owner=owner)

    assert await ledger.account("studio") == account


async def test_of_two_owners_that_come_together_one_gets_the_account(store: Store) -> None:
    pods = [store.open() for _ in range(2)]

    outcomes = await asyncio.gather(
        *(
            pod.put_account("studio", SPEC, owner=owner)
            for pod, owner in zip(pods, (CLUSTER, OTHER), strict=True)
        ),
        return_exceptions=True,
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AccountOwnedError", "tuple"]
    await asyncio.gather(*(pod.close() for pod in pods))


async def test_a_released_account_stays_and_can_be_adopted(ledger: Ledger) -> None:
    await ledger.put_account("studio", AccountSpec(display_name="Studio"), owner=CLUSTER)

    released = await ledger.release_account("studio", CLUSTER)
    adopted, _ = await ledger.put_account("studio", SPEC, owner=OTHER)

    assert (released.owner, released.suspended, released.display_name) == (None, False, "Studio")
    assert adopted.owner == OTHER


async def test_an_account_whose_spec_says_so_is_suspended_when_it_is_released(
    ledger: Ledger,
) -> None:
    await ledger.put_account("studio", SPEC, owner=CLUSTER)

    assert (await ledger.release_account("studio", CLUSTER)).suspended
    assert (await ledger.release_account("studio", CLUSTER)).suspended


async def test_only_the_owner_can_release_an_account(ledger: Ledger) -> None:
    await ledger.put_account("studio", SPEC, owner=CLUSTER)

    with pytest.raises(AccountOwnedError):
        await ledger.release_account("studio", OTHER)
    with pytest.raises(AccountNotFoundError):
        await ledger.release_account("lab", CLUSTER)


async def test_accounts_are_listed_by_the_beginning_of_their_owner(ledger: Ledger) -> None:
    for name, owner in (("a", "one:x/a"), ("b", "one:y/b"), ("c", "on%:x/c"), ("d", None)):
        await ledger.put_account(name, AccountSpec(), owner=owner)

    listed = await ledger.accounts(owner="one:")

    assert [account.name for account in listed] == ["a", "b"]
    assert [account.name for account in await ledger.accounts(owner="on%:")] == ["c"]
    assert [account.name for account in await ledger.accounts()] == ["a", "b", "c", "d"]


async def test_the_keys_of_a_suspended_account_are_refused_until_it_is_not(ledger: Ledger) -> None:
    await ledger.put_account("studio", AccountSpec(suspended=True))
    _, secret = await ledger.create_key("studio")

    with pytest.raises(AccountSuspendedError, match="studio"):
        await ledger.authenticate(secret)
    await ledger.put_account("studio", AccountSpec())

    assert (await ledger.authenticate(secret)).account == "studio"


async def test_the_spec_of_an_account_is_what_was_put(ledger: Ledger) -> None:
    spec = replace(SPEC, time_zone="Europe/Berlin", budgets=(Budget("day", 500, alerts=(80,)),))

    account, _ = await ledger.put_account("studio", spec, owner=CLUSTER)

    assert account.spec == spec
    assert (await ledger.account("studio")).spec == spec


async def test_a_request_that_runs_when_its_account_is_suspended_is_charged(
    ledger: Ledger, caller: Caller
) -> None:
    hold = await take(ledger, caller, 400)
    await ledger.put_account("studio", AccountSpec(suspended=True))

    await ledger.settle(hold, 150)

    assert (await ledger.account("studio")).available == 850
    assert (await ledger.audit()).problems == ()


@pytest.mark.parametrize("name", ["", " studio", "sys:funding", "a" * 256])
async def test_an_account_cannot_be_put_under_an_impossible_name(ledger: Ledger, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        await ledger.put_account(name, SPEC)


@pytest.mark.parametrize("text", ["a" * 256, "two\nlines"])
def test_a_display_name_that_does_not_fit_on_a_line_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="display name"):
        AccountSpec(display_name=text)
