"""Operations that share a transaction and a round trip: each has an outcome of its own."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tintype_gateway.ledger import (
    Caller,
    Hold,
    HoldClosedError,
    Idempotency,
    IdempotencyInProgressError,
    InsufficientCreditsError,
    Ledger,
    RateLimitedError,
    Settlement,
    open_ledger,
)
from tintype_gateway.ledger.interface import Policy
from tintype_gateway.ledger.jobs import JobEnd
from tintype_testing.ledger_stores import PostgresStore
from tintype_testing.ledgers import LIMITS, submit, take
from tintype_testing.tcp_proxy import TcpProxy, proxy_to

CALLER = Caller("studio", "key-1")


@pytest.fixture
async def proxy(postgresql_store: PostgresStore) -> AsyncIterator[TcpProxy]:
    async with proxy_to(postgresql_store.server.port) as proxy:
        yield proxy


@pytest.fixture
async def ledger(postgresql_store: PostgresStore, proxy: TcpProxy) -> AsyncIterator[Ledger]:
    """A ledger that is connected, whose account `studio` has 1000 micro-credits."""
    ledger = open_ledger(postgresql_store.server.url(postgresql_store.name, proxy.port))
    await ledger.create_account("studio", credits_micro=1000)
    await ledger.settle(await take(ledger, CALLER, 0), 0)
    yield ledger
    assert (await ledger.audit()).problems == ()
    await ledger.close()


async def holds(ledger: Ledger, amounts: list[int]) -> list[Hold | BaseException]:
    taking = (take(ledger, CALLER, amount) for amount in amounts)
    return await asyncio.gather(*taking, return_exceptions=True)


async def test_what_is_due_at_once_is_one_round_trip(ledger: Ledger, proxy: TcpProxy) -> None:
    before = proxy.requests
    taken = await asyncio.gather(*(take(ledger, CALLER, 10) for _ in range(50)))
    assert proxy.requests == before + 1

    await asyncio.gather(*(ledger.settle(hold, 7) for hold in taken))

    assert proxy.requests == before + 2
    assert (await ledger.account("studio")).balance == 1000 - 50 * 7


async def test_a_refusal_fails_no_other(ledger: Ledger) -> None:
    outcomes = await holds(ledger, [400, 700, 400, 300, 200])

    assert [type(each) for each in outcomes] == [
        Hold,
        InsufficientCreditsError,
        Hold,
        InsufficientCreditsError,
        Hold,
    ]
    assert (await ledger.account("studio")).held == 1000


async def test_what_the_database_cannot_keep_fails_no_other(ledger: Ledger) -> None:
    good, bad, also_good = await asyncio.gather(
        take(ledger, CALLER, 10),
        take(ledger, Caller("studio", "key\0"), 10),
        take(ledger, CALLER, 10),
        return_exceptions=True,
    )

    assert isinstance(bad, ValueError)
    assert isinstance(good, Hold)
    assert isinstance(also_good, Hold)
    assert (await ledger.account("studio")).held == 20


async def test_a_hold_is_settled_once_however_often_that_is_asked_at_once(ledger: Ledger) -> None:
    hold = await take(ledger, CALLER, 10)

    first, *others = await asyncio.gather(
        *(ledger.settle(hold, 7) for _ in range(3)), return_exceptions=True
    )

    assert first == Settlement(7, 993, late=False, excess=0)
    assert [type(each) for each in others] == [HoldClosedError, HoldClosedError]


async def test_a_key_has_one_hold_however_often_it_is_asked_for_at_once(ledger: Ledger) -> None:
    key = Idempotency("poster-7", "digest")
    first, *others = await asyncio.gather(
        *(take(ledger, CALLER, 10, idempotency=key) for _ in range(3)), return_exceptions=True
    )

    assert isinstance(first, Hold)
    assert [type(each) for each in others] == [IdempotencyInProgressError] * 2


async def test_a_rate_counts_each_of_those_that_come_at_once(ledger: Ledger) -> None:
    await ledger.set_policy("studio", Policy(requests_per_minute=3))

    outcomes = await holds(ledger, [1] * 5)

    assert [type(each) for each in outcomes] == [Hold] * 3 + [RateLimitedError] * 2


async def test_gateways_that_serve_the_same_accounts_do_not_block_each_other(
    ledger: Ledger, postgresql_store: PostgresStore
) -> None:
    names = [f"account-{number}" for number in range(12)]
    for name in names:
        await ledger.create_account(name, credits_micro=1000)
    gateways = [postgresql_store.open() for _ in range(3)]

    async def pay(gateway: Ledger, name: str) -> None:
        for _ in range(5):
            hold = await take(gateway, Caller(name, "key-1"), 10)
            await gateway.settle(hold, 7)

    async with asyncio.timeout(200):
        await asyncio.gather(*(pay(each, name) for each in gateways for name in names))

    assert {(await ledger.account(name)).balance for name in names} == {1000 - 3 * 5 * 7}
    for gateway in gateways:
        await gateway.close()


async def test_notes_that_jobs_are_sent_share_round_trips(ledger: Ledger, proxy: TcpProxy) -> None:
    jobs = [(await submit(ledger, CALLER, 1)).id for _ in range(10)]
    await ledger.claim_jobs("worker", 10, 60, LIMITS)
    await ledger.note_sent(jobs[0], "worker")  # prepares the statement
    before = proxy.requests

    await asyncio.gather(*(ledger.note_sent(job, "worker") for job in jobs))

    assert proxy.requests == before + 1
    for job in jobs:
        await ledger.end_job(job, "worker", JobEnd(status="failed"))
