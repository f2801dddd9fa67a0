"""Who gets which job: accounts take turns, and a lost job runs again only if nothing was sent."""

import asyncio

import pytest

from tintype_gateway.ledger import Caller, JobLostError, Ledger, Policy
from tintype_gateway.ledger.jobs import JobEnd, JobLimits
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import LIMITS, Clock, submit

LEASE = 60
FAILED = JobEnd(status="failed")


@pytest.fixture
async def callers(ledger: Ledger) -> dict[str, Caller]:
    """Callers of accounts that may spend what they like."""
    for name in "abc":
        await ledger.create_account(name, unlimited=True)
    return {name: Caller(name, "key") for name in "abc"}


async def modes(
    ledger: Ledger,
    claim: str,
    limit: int = 10,
    limits: JobLimits = LIMITS,
    having: tuple[str, ...] = (),
) -> list[tuple[str, str]]:
    claimed = await ledger.claim_jobs(claim, limit, LEASE, limits, having=having)
    return [(each.job.id, each.mode) for each in claimed]


async def started(ledger: Ledger, limit: int = 10, limits: JobLimits = LIMITS) -> list[str]:
    """Return the accounts of the jobs that start."""
    claimed = await ledger.claim_jobs("worker", limit, LEASE, limits)
    return [each.job.account for each in claimed]


async def test_no_more_than_asked_for_are_claimed_oldest_first(
    ledger: Ledger, callers: dict[str, Caller]
) -> None:
    jobs = [(await submit(ledger, callers["a"])).id for _ in range(3)]

    assert await modes(ledger, "worker", limit=2) == [(jobs[0], "run"), (jobs[1], "run")]
    assert await modes(ledger, "worker", limit=0) == []
    assert await modes(ledger, "worker", limit=2) == [(jobs[2], "run")]


async def test_accounts_take_turns_however_many_jobs_each_has(
    ledger: Ledger, callers: dict[str, Caller]
) -> None:
    for account, jobs in (("a", 6), ("b", 2), ("c", 3)):
        for _ in range(jobs):
            await submit(ledger, callers[account])

    assert await started(ledger, 5) == ["a", "b", "c", "a", "b"]
    assert await started(ledger, 1) == ["c"]
    assert await started(ledger) == ["a", "c", "a", "a", "a"]


async def test_an_account_that_comes_later_is_next(
    ledger: Ledger, callers: dict[str, Caller]
) -> None:
    for _ in range(4):
        await submit(ledger, callers["a"])
    assert await started(ledger, 2) == ["a", "a"]
    await submit(ledger, callers["b"])

    assert await started(ledger, 2) == ["b", "a"]


async def test_no_queued_job_starts_of_an_account_that_is_excluded(
    ledger: Ledger, callers: dict[str, Caller], clock: Clock
) -> None:
    lost = await submit(ledger, callers["a"])
    await modes(ledger, "killed")
    await ledger.note_sent(lost.id, "killed")
    clock.advance(LEASE)
    for account in ("a", "a", "b", "c"):
        await submit(ledger, callers[account])

    claimed = await ledger.claim_jobs("worker", 10, LEASE, LIMITS, excluding=("a", "c"))

    assert [(each.job.account, each.mode) for each in claimed] == [("a", "abandoned"), ("b", "run")]
    assert await started(ledger) == ["c", "a", "a"]


async def test_an_account_at_its_limit_lets_others_pass(
    ledger: Ledger, callers: dict[str, Caller]
) -> None:
    await ledger.set_policy("a", Policy(running_jobs=1))
    for account in ("a", "a", "a", "b", "b", "b"):
        await submit(ledger, callers[account])
    limits = JobLimits(queued=100, running=2)

    assert await started(ledger, 10, limits) == ["a", "b", "b"]
    (first,) = await ledger.jobs("a", "in_progress")
    await ledger.end_job(first.id, "worker", FAILED)

    assert await started(ledger, 10, limits) == ["a"]


async def test_a_job_whose_worker_was_killed_before_it_sent_anything_is_queued_again(
    ledger: Ledger, callers: dict[str, Caller], clock: Clock
) -> None:
    job = await submit(ledger, callers["a"])
    await modes(ledger, "killed")

    clock.advance(LEASE - 1)
    assert await modes(ledger, "other") == []
    clock.advance(1)
    assert await modes(ledger, "other", limit=0) == []
    found = await ledger.job("a", job.id)
    assert (found.status, found.started_at, found.attempts) == ("queued", None, 1)

    assert await modes(ledger, "other") == [(job.id, "run")]
    assert (await ledger.job("a", job.id)).attempts == 2
    with pytest.raises(JobLostError):
        await ledger.note_sent(job.id, "killed")


async def test_a_job_that_was_sent_is_given_to_another_worker_and_never_queued_again(
    ledger: Ledger, callers: dict[str, Caller], clock: Clock
) -> None:
    job = await submit(ledger, callers["a"])
    await modes(ledger, "killed")
    await ledger.note_sent(job.id, "killed")
    clock.advance(LEASE)

    assert await modes(ledger, "second") == [(job.id, "abandoned")]
    assert (await ledger.job("a", job.id)).status == "in_progress"
    clock.advance(LEASE)
    assert await modes(ledger, "third") == [(job.id, "abandoned")]
    with pytest.raises(JobLostError):
        await ledger.end_job(job.id, "second", FAILED)
    await ledger.end_job(job.id, "third", JobEnd(status="outcome_unknown"))
    assert (await ledger.audit()).problems == ()


async def test_a_job_with_tasks_is_resumed_by_another_worker(
    ledger: Ledger, callers: dict[str, Caller], clock: Clock
) -> None:
    job = await submit(ledger, callers["a"])
    await modes(ledger, "killed")
    await ledger.note_sent(job.id, "killed")
    await ledger.note_tasks(job.id, "killed", b"one")
    await ledger.note_tasks(job.id, "killed", b"two")
    clock.advance(LEASE)

    (lost,) = await ledger.claim_jobs("other", 10, LEASE, LIMITS)

    assert (lost.mode, lost.job.tasks, lost.job.payload) == ("resume", b"two", b"\x00sealed")


async def test_what_is_renewed_is_not_lost(
    ledger: Ledger, callers: dict[str, Caller], clock: Clock
) -> None:
    kept = await submit(ledger, callers["a"])
    lost = await submit(ledger, callers["a"])
    await modes(ledger, "worker")
    clock.advance(LEASE - 1)
    assert await ledger.renew_jobs("worker", [kept.id], LEASE) == {kept.id: False}
    assert await ledger.renew_jobs("other", [lost.id], LEASE) == {}
    clock.advance(1)

    assert await modes(ledger, "other") == [(lost.id, "run")]


async def test_a_worker_does_not_lose_to_itself_what_it_has(
    ledger: Ledger, callers: dict[str, Caller], clock: Clock
) -> None:
    has = await submit(ledger, callers["a"])
    unheard = await submit(ledger, callers["a"])
    await modes(ledger, "worker")
    clock.advance(2 * LEASE)  # the process was suspended

    assert await modes(ledger, "worker", having=(has.id,)) == [(unheard.id, "run")]
    assert await ledger.renew_jobs("worker", [has.id], LEASE) == {has.id: False}
    assert await modes(ledger, "other", having=(has.id,)) == []


async def test_jobs_that_are_handed_back_go_to_another_worker_at_once(
    ledger: Ledger, callers: dict[str, Caller]
) -> None:
    ready, sent, resumed = [(await submit(ledger, callers["a"])).id for _ in range(3)]
    await modes(ledger, "drained")
    await ledger.note_sent(sent, "drained")
    await ledger.note_tasks(resumed, "drained", b"tasks")
    for job in (ready, sent, resumed, ready, sent):  # again changes nothing
        await ledger.hand_back_job(job, "drained")

    claimed = await modes(ledger, "other")

    assert sorted(claimed) == [(ready, "run"), (sent, "abandoned"), (resumed, "resume")]
    assert (await ledger.audit()).problems == ()


async def test_a_job_whose_providers_have_made_nothing_is_handed_back_to_be_run(
    ledger: Ledger, callers: dict[str, Caller], clock: Clock
) -> None:
    job = (await submit(ledger, callers["a"])).id
    await modes(ledger, "drained")
    await ledger.note_sent(job, "drained")
    for _ in range(2):  # again changes nothing
        await ledger.hand_back_job(job, "drained", unsent=True)

    assert await modes(ledger, "other") == [(job, "run")]
    clock.advance(LEASE)
    assert await modes(ledger, "third") == [(job, "run")]
    assert (await ledger.audit()).problems == ()


async def test_notes_of_many_jobs_at_once_are_each_for_itself(
    ledger: Ledger, callers: dict[str, Caller], clock: Clock
) -> None:
    jobs = [(await submit(ledger, callers["a"])).id for _ in range(6)]
    await modes(ledger, "worker", limit=4)
    notes = [ledger.note_sent(job, "worker") for job in jobs[:3]]

    noted = await asyncio.gather(
        *notes, ledger.note_sent(jobs[3], "other"), ledger.note_sent(jobs[4], "worker"),
        return_exceptions=True,
    )  # fmt: skip

    assert noted[:3] == [None] * 3
    assert [type(each) for each in noted[3:]] == [JobLostError] * 2
    clock.advance(LEASE)
    found = dict(await modes(ledger, "last"))
    assert [found[job] for job in jobs] == ["abandoned"] * 3 + ["run"] * 3


async def test_workers_that_were_lost_are_counted_and_those_that_hand_back_are_not(
    ledger: Ledger, callers: dict[str, Caller], clock: Clock
) -> None:
    ready, sent = [(await submit(ledger, callers["a"])).id for _ in range(2)]

    async def lost_workers(claim: str) -> dict[str, int]:
        claimed = await ledger.claim_jobs(claim, 10, LEASE, LIMITS)
        return {each.job.id: each.job.lost_workers for each in claimed}

    assert await lost_workers("killed") == {ready: 0, sent: 0}
    await ledger.note_tasks(sent, "killed", b"tasks")
    clock.advance(LEASE)
    assert await lost_workers("drained") == {ready: 1, sent: 1}
    for job in (ready, sent, ready, sent):  # again changes nothing
        await ledger.hand_back_job(job, "drained")
    assert await lost_workers("late") == {ready: 1, sent: 1}
    clock.advance(LEASE)
    await ledger.hand_back_job(sent, "late")  # has lost it before
    assert await lost_workers("last") == {ready: 2, sent: 2}


async def test_a_job_that_is_queued_again_remembers_that_it_shall_be_cancelled(
    ledger: Ledger, callers: dict[str, Caller]
) -> None:
    job = await submit(ledger, callers["a"])
    await modes(ledger, "drained")
    await ledger.cancel_job("a", job.id)
    await ledger.hand_back_job(job.id, "drained")

    (claimed,) = await ledger.claim_jobs("other", 10, LEASE, LIMITS)

    assert claimed.job.cancel_requested


async def test_lost_jobs_come_before_queued_ones_within_the_limit(
    ledger: Ledger, callers: dict[str, Caller], clock: Clock
) -> None:
    lost = await submit(ledger, callers["a"])
    await modes(ledger, "killed")
    await ledger.note_sent(lost.id, "killed")
    clock.advance(LEASE)
    queued = await submit(ledger, callers["a"])

    assert await modes(ledger, "other", limit=1) == [(lost.id, "abandoned")]
    assert await modes(ledger, "other", limit=1) == [(queued.id, "run")]


async def test_a_queue_that_counts_wrongly_stops_no_other_account(
    ledger: Ledger, callers: dict[str, Caller], store: Store
) -> None:
    await submit(ledger, callers["a"])
    await submit(ledger, callers["b"])
    await store.execute("UPDATE job_queue SET queued = 5 WHERE account = 'a'")

    assert await started(ledger) == ["a", "b"]
    assert await started(ledger) == []
