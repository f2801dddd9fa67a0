"""A grant or an adjustment with an idempotency key is made once, on however many gateways."""

import asyncio

import pytest

from tintype_gateway.ledger import (
    Account,
    AccountNotFoundError,
    Idempotency,
    IdempotencyMismatchError,
    Ledger,
)
from tintype_testing.ledger_stores import Store

JUNE = Idempotency("june", "digest")


async def test_requests_with_one_key_that_come_together_grant_once(store: Store) -> None:
    pods = [store.open() for _ in range(3)]
    await pods[0].create_account("studio")

    granted = await asyncio.gather(
        *(
            pod.grant("studio", 500, reason="june", idempotency=JUNE)
            for pod in pods
            for _ in range(10)
        )
    )

    assert {account.balance for account in granted} == {500}
    assert (await pods[0].audit()).problems == ()
    await asyncio.gather(*(pod.close() for pod in pods))


async def test_a_key_outlives_the_process_that_used_it(store: Store) -> None:
    first = store.open()
    await first.create_account("studio")
    await first.grant("studio", 500, reason="june", idempotency=JUNE)
    await first.close()

    second = store.open()
    again = await second.grant("studio", 500, reason="june", idempotency=JUNE)
    await second.close()

    assert again == Account("studio", unlimited=False, balance=500, held=0)


async def test_another_request_cannot_use_the_key(ledger: Ledger) -> None:
    await ledger.create_account("studio")
    await ledger.create_account("lab")
    await ledger.grant("studio", 500, reason="june", idempotency=JUNE)

    other = Idempotency("june", "another digest")
    with pytest.raises(IdempotencyMismatchError):
        await ledger.grant("lab", 500, reason="june", idempotency=other)
    with pytest.raises(IdempotencyMismatchError):
        await ledger.adjust("studio", -500, reason="june", idempotency=other)

    assert [account.balance for account in await ledger.accounts()] == [0, 500]


async def test_a_grant_that_failed_leaves_its_key_free(ledger: Ledger) -> None:
    with pytest.raises(AccountNotFoundError):
        await ledger.grant("studio", 500, reason="june", idempotency=JUNE)
    await ledger.create_account("studio")

    assert (await ledger.grant("studio", 500, reason="june", idempotency=JUNE)).balance == 500


async def test_an_adjustment_with_a_key_is_made_once(ledger: Ledger) -> None:
    await ledger.create_account("studio", credits_micro=1000)

    for _ in range(3):
        await ledger.adjust("studio", -300, reason="june", idempotency=JUNE)

    assert (await ledger.account("studio")).balance == 700
