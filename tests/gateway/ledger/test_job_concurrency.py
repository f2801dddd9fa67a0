"""Jobs under many at once: gateways with one database never get the same one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from itertools import chain

import pytest

from tintype_gateway.ledger import (
    Caller,
    Idempotency,
    IdempotentJobError,
    InsufficientCreditsError,
    JobQueueFullError,
    Ledger,
    LedgerError,
)
from tintype_gateway.ledger.jobs import Job, JobEnd, JobLimits
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import LIMITS, Clock, submit, take
from tintype_testing.waiting import eventually_equal

MANY = JobLimits(queued=1000, running=1000)


@pytest.fixture
async def gateways(store: Store, ledger: Ledger, clock: Clock) -> AsyncIterator[list[Ledger]]:
    """Two ledgers on one database."""
    other = store.open(clock)
    yield [ledger, other]
    await other.close()


async def test_two_gateways_never_get_one_job(gateways: list[Ledger]) -> None:
    ours, _ = gateways
    for name in "abc":
        await ours.create_account(name, unlimited=True)
    jobs = [await submit(ours, Caller(name, "key"), limits=MANY) for name in "abc" * 20]

    claims = await asyncio.gather(
        *(gateways[number % 2].claim_jobs(f"worker-{number}", 3, 60, MANY) for number in range(24))
    )

    assert sorted(each.job.id for each in chain.from_iterable(claims)) == [job.id for job in jobs]
    assert (await ours.audit()).problems == ()


async def test_fifty_submissions_meet_a_queue_of_ten(gateways: list[Ledger]) -> None:
    ours, _ = gateways
    await ours.create_account("studio", unlimited=True)
    limits = JobLimits(queued=10, running=1)

    outcomes = await asyncio.gather(
        *(
            submit(gateways[number % 2], Caller("studio", "key"), limits=limits)
            for number in range(50)
        ),
        return_exceptions=True,
    )

    assert Counter(map(type, outcomes)) == {Job: 10, JobQueueFullError: 40}
    assert (await ours.account("studio")).held == 1000
    assert (await ours.audit()).problems == ()


async def test_a_place_in_the_queue_is_for_one_that_can_pay(gateways: list[Ledger]) -> None:
    """Those that are refused for their credits take no place, though they came first."""
    ours, _ = gateways
    await ours.create_account("studio", credits_micro=1000)
    limits = JobLimits(queued=4, running=1)
    amounts = [5000, 5000, 100, 5000, 100, 5000, 100, 100, 100]

    outcomes = await asyncio.gather(
        *(submit(ours, Caller("studio", "key"), amount, limits=limits) for amount in amounts),
        return_exceptions=True,
    )

    assert [type(each) for each in outcomes] == [
        *(InsufficientCreditsError, InsufficientCreditsError, Job, InsufficientCreditsError),
        *(Job, InsufficientCreditsError, Job, Job, JobQueueFullError),
    ]


async def test_one_of_many_submissions_with_one_key_is_a_job(gateways: list[Ledger]) -> None:
    ours, _ = gateways
    await ours.create_account("studio", unlimited=True)
    key = Idempotency("poster", "digest")

    outcomes = await asyncio.gather(
        *(
            submit(gateways[number % 2], Caller("studio", "key"), idempotency=key)
            for number in range(20)
        ),
        return_exceptions=True,
    )

    (job,) = (each for each in outcomes if isinstance(each, Job))
    repeats = [each for each in outcomes if isinstance(each, IdempotentJobError)]
    assert {each.job_id for each in repeats} == {job.id}
    assert len(repeats) == 19


async def test_one_of_many_ends_of_a_job_counts(gateways: list[Ledger]) -> None:
    ours, _ = gateways
    await ours.create_account("studio", credits_micro=1000)
    job = await submit(ours, Caller("studio", "key"), 100)
    await ours.claim_jobs("worker", 1, 60, LIMITS)

    ends = await asyncio.gather(
        *(
            gateways[number % 2].end_job(
                job.id, "worker", JobEnd(status="completed", cost=number, images=1)
            )
            for number in range(20)
        )
    )

    assert len({ended.charged for ended, _ in ends}) == 1
    assert (await ours.account("studio")).balance == 1000 - (ends[0][0].charged or 0)
    assert (await ours.audit()).problems == ()


async def test_jobs_and_direct_requests_of_the_same_accounts_do_not_wait_for_each_other_for_ever(
    gateways: list[Ledger],
) -> None:
    """Submissions, claims, cancellations and ends lock what holds and settlements lock."""
    ours, _ = gateways
    names = [f"account-{number}" for number in range(6)]
    for name in names:
        await ours.create_account(name, credits_micro=10_000)
    left = asyncio.Semaphore(0)

    async def direct(number: int) -> None:
        ledger, caller = gateways[number % 2], Caller(names[number % 6], "key")
        await ledger.settle(await take(ledger, caller, 10), 3)

    async def submitting(number: int) -> None:
        ledger, name = gateways[number % 2], names[(number * 5) % 6]
        job = await submit(ledger, Caller(name, "key"), 10, limits=MANY)
        if number % 4 == 0:
            await ledger.cancel_job(name, job.id)
        left.release()

    async def working(number: int) -> None:
        ledger, claim = gateways[number % 2], f"worker-{number}"
        await left.acquire()
        for each in await ledger.claim_jobs(claim, 4, 60, MANY):
            if number % 5 == 0:
                await ledger.hand_back_job(each.job.id, claim)
                continue
            await ledger.note_sent(each.job.id, claim)
            await ledger.renew_jobs(claim, [each.job.id], 60)
            ending = JobEnd(status="completed", cost=3, images=1)
            await ledger.end_job(each.job.id, claim, ending)

    outcomes = await asyncio.gather(
        *(direct(number) for number in range(60)),
        *(submitting(number) for number in range(60)),
        *(working(number) for number in range(60)),
        return_exceptions=True,
    )

    assert [each for each in outcomes if isinstance(each, BaseException)] == []
    while rest := await ours.claim_jobs("last", 10, 60, MANY):
        for each in rest:
            await ours.end_job(each.job.id, "last", JobEnd(status="failed"))
    audit = await ours.audit()
    assert (audit.problems, audit.open_holds, audit.queued_jobs) == ((), 0, 0)


async def test_a_job_whose_caller_went_away_is_cancelled(
    store: Store, ledger: Ledger, caller: Caller
) -> None:
    async with store.locked():
        submitting = asyncio.ensure_future(submit(ledger, caller))
        await asyncio.sleep(0)
        submitting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await submitting

    async def statuses() -> list[str]:
        return [each.status for each in await ledger.jobs("studio")]

    await eventually_equal(statuses, ["cancelled"])
    assert (await ledger.account("studio")).available == 1000


async def test_a_refused_submission_of_a_caller_who_went_away_changes_nothing(
    store: Store, ledger: Ledger, caller: Caller
) -> None:
    async with store.locked():
        submitting = asyncio.ensure_future(submit(ledger, caller, 1001))
        await asyncio.sleep(0)
        submitting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await submitting
    with pytest.raises(LedgerError):
        await submit(ledger, caller, 1001)

    assert await ledger.jobs("studio") == []
    assert (await ledger.account("studio")).available == 1000
