"""A grant with a reference is made once for good, on both engines."""

import asyncio
from pathlib import Path

import pytest

from tests.gateway.ledger.archiving import DAY, archived
from tintype_gateway.ledger import (
    AccountNotFoundError,
    GrantConflictError,
    GrantNotFoundError,
    Ledger,
)
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import Clock


@pytest.fixture(autouse=True)
async def accounts(ledger: Ledger) -> None:
    await ledger.create_account("studio", credits_micro=1000)
    await ledger.create_account("lab")


async def test_a_grant_is_made_and_names_its_posting(ledger: Ledger, store: Store) -> None:
    grant, is_new = await ledger.put_grant("team-a/may", "studio", 500, "the budget of May")

    assert is_new
    assert (grant.account, grant.micro, grant.reason) == ("studio", 500, "the budget of May")
    assert (await ledger.account("studio")).balance == 1500
    ((posting,),) = await store.query("SELECT id FROM posting WHERE reference = 'team-a/may'")
    assert grant.posting == str(posting)
    assert await ledger.granted("team-a/may") == grant


async def test_the_same_grant_again_pays_nothing(ledger: Ledger) -> None:
    first, _ = await ledger.put_grant("may", "studio", 500, "the budget of May")

    again = await ledger.put_grant("may", "studio", 500, "said in other words")

    assert again == (first, False)
    assert (await ledger.account("studio")).balance == 1500


async def test_grants_with_one_reference_that_come_together_pay_once(store: Store) -> None:
    pods = [store.open() for _ in range(3)]

    made = await asyncio.gather(
        *(pod.put_grant("may", "studio", 500, "May") for pod in pods for _ in range(10))
    )

    assert sum(is_new for _, is_new in made) == 1
    assert (await pods[0].account("studio")).balance == 1500
    assert (await pods[0].audit()).problems == ()
    await asyncio.gather(*(pod.close() for pod in pods))


@pytest.mark.parametrize(("account", "micro"), [("lab", 500), ("studio", 501)])
async def test_other_credits_under_the_reference_are_a_conflict(
    ledger: Ledger, account: str, micro: int
) -> None:
    await ledger.put_grant("may", "studio", 500, "May")

    with pytest.raises(GrantConflictError, match=r"500 micro-credits to account 'studio'"):
        await ledger.put_grant("may", account, micro, "May")

    assert [each.balance for each in await ledger.accounts()] == [0, 1500]


async def test_a_reference_counts_also_after_all_old_postings_are_archived(
    ledger: Ledger, store: Store, clock: Clock, tmp_path: Path
) -> None:
    first, _ = await ledger.put_grant("may", "studio", 500, "May")
    clock.advance(30 * DAY)

    report = await archived(store, clock, tmp_path / "archive.jsonl.gz")

    assert report.postings == 1  # the initial credits, which have no reference
    assert await ledger.put_grant("may", "studio", 500, "May") == (first, False)
    with pytest.raises(GrantConflictError):
        await ledger.put_grant("may", "studio", 600, "May")
    assert (await ledger.account("studio")).balance == 1500
    assert (await ledger.audit()).problems == ()


async def test_a_grant_that_waits_for_its_account_leaves_its_reference_free(
    ledger: Ledger,
) -> None:
    with pytest.raises(AccountNotFoundError):
        await ledger.put_grant("may", "nobody", 500, "May")
    await ledger.create_account("nobody")

    _, is_new = await ledger.put_grant("may", "nobody", 500, "May")

    assert is_new


async def test_a_reference_is_no_idempotency_key(ledger: Ledger) -> None:
    await ledger.put_grant("may", "studio", 500, "May")

    with pytest.raises(GrantNotFoundError):
        await ledger.granted("june")


@pytest.mark.parametrize("reference", ["", "a" * 513, "two\nlines"])
async def test_an_impossible_reference_is_refused(ledger: Ledger, reference: str) -> None:
    with pytest.raises(ValueError, match="reference"):
        await ledger.put_grant(reference, "studio", 500, "May")


@pytest.mark.parametrize("micro", [-1, 10**15 + 1])
async def test_an_impossible_amount_is_refused(ledger: Ledger, micro: int) -> None:
    with pytest.raises(ValueError, match="micro-credits"):
        await ledger.put_grant("may", "studio", micro, "May")
