import asyncio

import pytest

from tintype_gateway.ledger import (
    Account,
    AccountExistsError,
    AccountLimitError,
    AccountNotFoundError,
    Ledger,
    Policy,
)
from tintype_testing.ledger_stores import Store


async def test_a_new_account_has_its_first_credits(ledger: Ledger) -> None:
    created = await ledger.create_account("studio", credits_micro=1000)

    assert created == Account("studio", unlimited=False, balance=1000, held=0)
    assert await ledger.account("studio") == created


async def test_a_new_account_has_no_credits_by_default(ledger: Ledger) -> None:
    account = await ledger.create_account("studio")

    assert account.available == 0


async def test_an_unlimited_account_has_no_available_figure(ledger: Ledger) -> None:
    account = await ledger.create_account("house", unlimited=True)

    assert account.available is None


async def test_a_name_is_given_once(ledger: Ledger) -> None:
    await ledger.create_account("studio", credits_micro=1000)

    with pytest.raises(AccountExistsError):
        await ledger.create_account("studio", credits_micro=5)

    assert (await ledger.account("studio")).balance == 1000


@pytest.mark.parametrize("name", ["", " studio", "two\nlines", "x" * 256, "sys:revenue", "sys:x"])
async def test_an_invalid_account_name_is_refused(ledger: Ledger, name: str) -> None:
    with pytest.raises(ValueError, match=r"name"):
        await ledger.create_account(name)


async def test_a_kubernetes_service_account_can_be_a_name(ledger: Ledger) -> None:
    name = "system:serviceaccount:design:poster-bot"

    assert (await ledger.create_account(name)).name == name


@pytest.mark.parametrize("name", ["nobody", "sys:funding", "sys:revenue"])
async def test_unknown_accounts_and_those_of_the_ledger_are_not_found(
    ledger: Ledger, name: str
) -> None:
    with pytest.raises(AccountNotFoundError):
        await ledger.account(name)


async def test_accounts_are_listed_by_name_without_those_of_the_ledger(ledger: Ledger) -> None:
    for name in ("zoe", "studio", "anna"):
        await ledger.create_account(name)

    assert [account.name for account in await ledger.accounts()] == ["anna", "studio", "zoe"]


async def test_a_grant_adds_to_the_balance(ledger: Ledger) -> None:
    await ledger.create_account("studio", credits_micro=1000)

    account = await ledger.grant("studio", 234, reason="invoice 17")

    assert account.balance == 1234


async def test_a_grant_to_an_unknown_account_is_refused(ledger: Ledger) -> None:
    with pytest.raises(AccountNotFoundError):
        await ledger.grant("nobody", 1, reason="a typo")


@pytest.mark.parametrize("micro", [-1, 10**15 + 1, 10**30])
async def test_an_invalid_grant_is_refused(ledger: Ledger, micro: int) -> None:
    await ledger.create_account("studio", credits_micro=1000)

    with pytest.raises(ValueError, match="micro-credits"):
        await ledger.grant("studio", micro, reason="a slip")

    assert (await ledger.account("studio")).balance == 1000


async def test_an_account_that_is_not_there_is_made(ledger: Ledger) -> None:
    made = await ledger.ensure_account(
        "design/poster-bot", issuer="any", max_accounts=10_000, credits_micro=1000
    )

    assert made == Account("design/poster-bot", unlimited=False, balance=1000, held=0)
    assert await ledger.account("design/poster-bot") == made


async def test_an_account_that_is_there_is_left_as_it_is(ledger: Ledger) -> None:
    policy = Policy(models=frozenset({"gpt-image-1"}))
    there = await ledger.create_account("studio", credits_micro=5, policy=policy)

    assert (
        await ledger.ensure_account("studio", issuer="any", max_accounts=10_000, credits_micro=1000)
        == there
    )


async def test_however_many_need_an_account_at_once_its_credits_are_granted_once(
    store: Store,
) -> None:
    pods = [store.open() for _ in range(3)]
    await asyncio.gather(
        *(
            pod.ensure_account("studio", issuer="any", max_accounts=10_000, credits_micro=1000)
            for pod in pods
            for _ in range(10)
        )
    )

    assert (await pods[0].account("studio")).balance == 1000
    await asyncio.gather(*(pod.close() for pod in pods))


async def test_the_tokens_of_an_issuer_open_no_more_accounts_than_they_may(store: Store) -> None:
    """However many ask at once, on however many gateways."""
    pods = [store.open() for _ in range(3)]
    await pods[0].create_account("by-an-administrator")

    outcomes = await asyncio.gather(
        *(
            pods[number % 3].ensure_account(
                f"account-{number}", issuer="a", max_accounts=5, credits_micro=1000
            )
            for number in range(30)
        ),
        return_exceptions=True,
    )

    opened = [each.name for each in outcomes if isinstance(each, Account)]
    assert len(opened) == 5
    assert sum(isinstance(each, AccountLimitError) for each in outcomes) == 25
    for name in (*opened, "by-an-administrator"):
        assert await pods[1].ensure_account(name, issuer="a", max_accounts=5)
    assert await pods[1].ensure_account("of-another", issuer="b", max_accounts=1)
    assert (await pods[0].audit()).problems == ()
    await asyncio.gather(*(pod.close() for pod in pods))


async def test_an_account_that_cannot_have_its_name_is_not_made(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="belong to the ledger"):
        await ledger.ensure_account("sys:revenue", issuer="any", max_accounts=10_000)


@pytest.mark.parametrize("micro", [250, -250, -1250])
async def test_an_adjustment_corrects_the_balance_up_and_down(ledger: Ledger, micro: int) -> None:
    await ledger.create_account("studio", credits_micro=1000)

    account = await ledger.adjust("studio", micro, reason="an outage of June")

    assert account.balance == 1000 + micro
    assert (await ledger.audit()).problems == ()


@pytest.mark.parametrize("micro", [0, 10**15 + 1, -(10**15) - 1])
async def test_an_invalid_adjustment_is_refused(ledger: Ledger, micro: int) -> None:
    await ledger.create_account("studio", credits_micro=1000)

    with pytest.raises(ValueError, match="micro-credits"):
        await ledger.adjust("studio", micro, reason="a slip")


async def test_an_adjustment_of_an_unknown_account_is_refused(ledger: Ledger) -> None:
    with pytest.raises(AccountNotFoundError):
        await ledger.adjust("nobody", 1, reason="a typo")
