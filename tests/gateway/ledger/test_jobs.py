"""The life of a job on both engines: its hold, its claim and its end are never apart."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tintype_gateway.holds import Settlement
from tintype_gateway.ledger import (
    AccountNotFoundError,
    Caller,
    HoldClosedError,
    Idempotency,
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    IdempotencyReplayError,
    IdempotentJobError,
    InsufficientCreditsError,
    JobLostError,
    JobNotFoundError,
    JobQueueFullError,
    Ledger,
    Policy,
    RateLimitedError,
)
from tintype_gateway.ledger.jobs import (
    JobEnd,
    JobEvent,
    JobLimits,
    JobQueueDepth,
    JobResult,
)
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import LIMITS, Clock, submit, take

LEASE = 60
DAY = 24 * 3600
RESULT = JobResult("answers/req-1.json", 2)
COMPLETED = JobEnd(status="completed", cost=70, images=2, result=RESULT)
FAILED = JobEnd(status="failed", error={"code": "moderation_blocked"})


async def claimed(
    ledger: Ledger, claim: str = "worker", limit: int = 10, limits: JobLimits = LIMITS
) -> list[str]:
    return [each.job.id for each in await ledger.claim_jobs(claim, limit, LEASE, limits)]


async def test_a_submitted_job_is_queued_with_its_hold(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    job = await submit(ledger, caller, 400)

    found = await ledger.job("studio", job.id)
    assert found == job
    assert (found.status, found.phase, found.attempts) == ("queued", "ready", 0)
    assert (found.key_id, found.request_id, found.operation) == (
        caller.key_id,
        "req-1",
        "generations",
    )
    assert found.summary == {"size": "1024x1024"}
    assert (found.trace_parent, found.webhook) == ("00-trace", b"\xffsealed")
    assert found.payload is None
    assert found.created_at.timestamp() == clock.now
    assert found.hold.amount == 400
    assert (await ledger.account("studio")).held == 400


async def test_a_claimed_job_has_its_request_and_runs(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    job = await submit(ledger, caller)
    clock.advance(5)

    (got,) = await ledger.claim_jobs("worker", 10, LEASE, LIMITS)

    assert (got.mode, got.job.id, got.job.payload) == ("run", job.id, b"\x00sealed")
    found = await ledger.job("studio", job.id)
    assert (found.status, found.phase, found.attempts) == ("in_progress", "ready", 1)
    assert found.started_at is not None
    assert found.started_at.timestamp() == clock.now
    assert await claimed(ledger, "other") == []


async def test_a_completed_job_is_charged_and_loses_its_request(
    ledger: Ledger, caller: Caller, clock: Clock, store: Store
) -> None:
    job = await submit(ledger, caller, 100, retention_seconds=600)
    await claimed(ledger)
    await ledger.note_tasks(job.id, "worker", b"tasks")
    clock.advance(9)

    ended, settlement = await ledger.end_job(job.id, "worker", COMPLETED)

    assert settlement == Settlement(70, 930, late=False, excess=0)
    assert await ledger.job("studio", job.id) == ended
    assert (ended.status, ended.result, ended.charged, ended.available) == (
        "completed",
        RESULT,
        70,
        930,
    )
    assert ended.finished_at is not None
    assert ended.expires_at is not None
    assert ended.finished_at.timestamp() == clock.now
    assert ended.expires_at.timestamp() == clock.now + 600
    assert await store.query("SELECT payload, tasks FROM job") == [(None, None)]
    account = await ledger.account("studio")
    assert (account.balance, account.held) == (930, 0)
    with pytest.raises(HoldClosedError):
        await ledger.release(job.hold, "again")


async def test_a_cost_above_the_hold_is_not_charged(ledger: Ledger, caller: Caller) -> None:
    job = await submit(ledger, caller, 100)
    await claimed(ledger)

    _, settlement = await ledger.end_job(job.id, "worker", replace(COMPLETED, cost=130))

    assert settlement == Settlement(100, 900, late=False, excess=30)


@pytest.mark.parametrize("status", ["failed", "cancelled"])
async def test_a_job_without_an_image_is_free_and_its_key_can_be_used_again(
    ledger: Ledger, caller: Caller, status: str
) -> None:
    key = Idempotency("poster", "digest")
    job = await submit(ledger, caller, 100, idempotency=key)
    await claimed(ledger)

    ended, settlement = await ledger.end_job(job.id, "worker", JobEnd(status=status))  # type: ignore[arg-type]

    assert (ended.status, settlement, ended.charged) == (status, None, None)
    assert (await ledger.account("studio")).available == 1000
    assert (await submit(ledger, caller, 100, idempotency=key)).id != job.id


async def test_a_cancelled_job_pays_for_the_images_that_it_delivered(
    ledger: Ledger, caller: Caller
) -> None:
    job = await submit(ledger, caller, 100)
    await claimed(ledger)

    ended, settlement = await ledger.end_job(
        job.id, "worker", JobEnd(status="cancelled", cost=30, images=1)
    )

    assert settlement is not None
    assert (ended.status, ended.charged, settlement.available) == ("cancelled", 30, 970)


async def test_a_job_with_an_unknown_outcome_is_free_and_keeps_its_key(
    ledger: Ledger, caller: Caller
) -> None:
    key = Idempotency("poster", "digest")
    job = await submit(ledger, caller, 100, idempotency=key)
    await claimed(ledger)

    await ledger.end_job(job.id, "worker", JobEnd(status="outcome_unknown"))

    assert (await ledger.account("studio")).available == 1000
    assert (await ledger.audit()).unknown_outcomes == 1
    with pytest.raises(IdempotentJobError) as repeated:
        await submit(ledger, caller, 100, idempotency=key)
    assert repeated.value.job_id == job.id


async def test_an_end_that_is_repeated_by_its_claim_changes_nothing(
    ledger: Ledger, caller: Caller
) -> None:
    job = await submit(ledger, caller, 100)
    await claimed(ledger)
    first = await ledger.end_job(job.id, "worker", COMPLETED)

    assert await ledger.end_job(job.id, "worker", COMPLETED) == first
    assert (await ledger.account("studio")).balance == 930
    with pytest.raises(JobLostError):
        await ledger.end_job(job.id, "other", COMPLETED)


async def test_a_failure_that_is_repeated_by_its_claim_changes_nothing(
    ledger: Ledger, caller: Caller
) -> None:
    job = await submit(ledger, caller, 100)
    await claimed(ledger)
    first = await ledger.end_job(job.id, "worker", FAILED)

    assert await ledger.end_job(job.id, "worker", COMPLETED) == first
    assert first[0].error == {"code": "moderation_blocked"}


async def test_only_the_claim_of_a_job_may_change_it(ledger: Ledger, caller: Caller) -> None:
    job = await submit(ledger, caller)
    changes: list[Callable[[], Awaitable[object]]] = [
        lambda: ledger.note_sent(job.id, "other"),
        lambda: ledger.note_tasks(job.id, "other", b""),
        lambda: ledger.add_job_event(job.id, "other", JobEvent(kind="completed")),
        lambda: ledger.end_job(job.id, "other", COMPLETED),
        lambda: ledger.hand_back_job(job.id, "other"),
        lambda: ledger.end_job("job_unknown", "worker", COMPLETED),
    ]
    for _ in range(2):  # queued, and claimed by another worker
        for change in changes:
            with pytest.raises(JobLostError):
                await change()
        await claimed(ledger)

    assert (await ledger.account("studio")).held == 100


async def test_the_hold_of_a_queued_job_does_not_expire(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    job = await submit(ledger, caller, 100)
    clock.advance(365 * DAY)

    assert await ledger.expire_holds() == 0
    assert await claimed(ledger) == [job.id]
    _, settlement = await ledger.end_job(job.id, "worker", COMPLETED)
    assert settlement is not None
    assert not settlement.late


async def test_a_queued_job_is_cancelled_at_once_and_returned_with_its_request(
    ledger: Ledger, caller: Caller
) -> None:
    job = await submit(ledger, caller, 100)

    cancelled = await ledger.cancel_job("studio", job.id)

    assert (cancelled.status, cancelled.payload) == ("cancelled", b"\x00sealed")
    assert await ledger.job("studio", job.id) == replace(cancelled, payload=None)
    assert (await ledger.account("studio")).available == 1000
    assert await claimed(ledger) == []


async def test_a_job_that_is_cancelled_after_it_was_handed_back_is_lost_to_its_claim(
    ledger: Ledger, caller: Caller
) -> None:
    job = await submit(ledger, caller, 100)
    await claimed(ledger)
    await ledger.hand_back_job(job.id, "worker")
    await ledger.cancel_job("studio", job.id)

    with pytest.raises(JobLostError):
        await ledger.end_job(job.id, "worker", COMPLETED)


async def test_a_running_job_is_asked_to_end(ledger: Ledger, caller: Caller) -> None:
    job = await submit(ledger, caller, 100)
    other = await submit(ledger, caller, 100)
    await claimed(ledger)

    asked = await ledger.cancel_job("studio", job.id)

    assert (asked.status, asked.cancel_requested, asked.payload) == ("in_progress", True, None)
    renewed = await ledger.renew_jobs("worker", [job.id, other.id, "job_unknown"], LEASE)
    assert renewed == {job.id: True, other.id: False}


async def test_a_job_that_has_ended_stays_as_it_is_when_it_is_cancelled(
    ledger: Ledger, caller: Caller
) -> None:
    job = await submit(ledger, caller, 100)
    await claimed(ledger)
    ended, _ = await ledger.end_job(job.id, "worker", COMPLETED)

    assert await ledger.cancel_job("studio", job.id) == ended


async def test_jobs_of_other_accounts_are_unknown(ledger: Ledger, caller: Caller) -> None:
    job = await submit(ledger, caller)
    await ledger.create_account("lab")

    for reading in (ledger.job, ledger.job_events, ledger.cancel_job):
        with pytest.raises(JobNotFoundError):
            await reading("lab", job.id)
    assert await ledger.jobs("lab") == []


async def test_a_full_queue_refuses_and_a_start_makes_room(ledger: Ledger, caller: Caller) -> None:
    limits = JobLimits(queued=2, running=10)
    for _ in range(2):
        await submit(ledger, caller, limits=limits)

    with pytest.raises(JobQueueFullError) as refused:
        await submit(ledger, caller, limits=limits)
    assert refused.value.queued == 2
    assert refused.value.retry_after_seconds > 0
    assert (await ledger.account("studio")).held == 200

    await claimed(ledger, limit=1)
    await submit(ledger, caller, limits=limits)


async def test_room_can_be_asked_for_before_a_submission_which_changes_nothing(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    limits = JobLimits(queued=1, running=10)
    key, other = Idempotency("poster", "digest"), Idempotency("card", "digest")
    with pytest.raises(AccountNotFoundError):
        await ledger.check_job_room("nobody", None, limits)
    await ledger.check_job_room("studio", key, limits)
    await ledger.check_job_room("studio", None, limits)

    job = await submit(ledger, caller, 100, idempotency=key, limits=limits)

    for unused in (None, other):
        with pytest.raises(JobQueueFullError) as refused:
            await ledger.check_job_room("studio", unused, limits)
        assert refused.value.queued == 1
    with pytest.raises(IdempotentJobError) as found:  # also if the queue is full
        await ledger.check_job_room("studio", key, limits)
    assert found.value.job_id == job.id
    with pytest.raises(IdempotencyMismatchError):
        await ledger.check_job_room("studio", replace(key, request_digest="other"), limits)
    await ledger.set_policy("studio", Policy(queued_jobs=2))
    await ledger.check_job_room("studio", other, limits)
    hold = await take(ledger, caller, 100, idempotency=other)
    with pytest.raises(IdempotencyInProgressError):
        await ledger.check_job_room("studio", other, limits)
    await ledger.settle(hold, 10)
    with pytest.raises(IdempotencyReplayError) as replay:
        await ledger.check_job_room("studio", other, limits)
    assert (replay.value.request_id, replay.value.charged) == ("req-1", 10)
    clock.advance(DAY)
    await ledger.check_job_room("studio", other, limits)


async def test_the_policy_of_an_account_overrides_the_limits(
    ledger: Ledger, caller: Caller
) -> None:
    await ledger.set_policy("studio", Policy(queued_jobs=3, running_jobs=1))
    limits = JobLimits(queued=1, running=5)
    jobs = [await submit(ledger, caller, limits=limits) for _ in range(3)]

    with pytest.raises(JobQueueFullError):
        await submit(ledger, caller, limits=limits)

    assert await claimed(ledger, limits=limits) == [jobs[0].id]
    assert await claimed(ledger, "other", limits=limits) == []
    await ledger.end_job(jobs[0].id, "worker", FAILED)
    assert await claimed(ledger, "other", limits=limits) == [jobs[1].id]


async def test_a_submission_is_refused_as_a_hold_is(ledger: Ledger, caller: Caller) -> None:
    with pytest.raises(InsufficientCreditsError):
        await submit(ledger, caller, 1001)
    await ledger.set_policy("studio", Policy(requests_per_minute=1))
    await submit(ledger, caller, 1)
    with pytest.raises(RateLimitedError):
        await submit(ledger, caller, 1)

    assert len(await ledger.jobs("studio")) == 1
    assert (await ledger.audit()).problems == ()


async def test_a_repeat_of_a_submission_is_told_its_job(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    key = Idempotency("poster", "digest")
    limits = JobLimits(queued=1, running=10)
    job = await submit(ledger, caller, 100, idempotency=key, limits=limits)

    async def repeated() -> str:
        with pytest.raises(IdempotentJobError) as found:  # also if the queue is full
            await submit(ledger, caller, 100, idempotency=key, limits=limits)
        return found.value.job_id

    assert await repeated() == job.id
    other = Idempotency("poster", "other")
    with pytest.raises(IdempotencyMismatchError):
        await submit(ledger, caller, 100, idempotency=other, limits=limits)
    await claimed(ledger)
    assert await repeated() == job.id
    await ledger.end_job(job.id, "worker", COMPLETED)
    assert await repeated() == job.id
    clock.advance(DAY)
    assert (await submit(ledger, caller, 100, idempotency=key)).id != job.id


async def test_a_direct_request_and_a_job_share_the_keys(ledger: Ledger, caller: Caller) -> None:
    key, other = Idempotency("poster", "digest"), Idempotency("card", "digest")
    job = await submit(ledger, caller, 100, idempotency=key)
    hold = await take(ledger, caller, 100, idempotency=other)

    with pytest.raises(IdempotencyInProgressError):
        await take(ledger, caller, 100, idempotency=key)
    with pytest.raises(IdempotencyInProgressError):
        await submit(ledger, caller, 100, idempotency=other)
    await claimed(ledger)
    await ledger.end_job(job.id, "worker", COMPLETED)
    await ledger.settle(hold, 10)

    with pytest.raises(IdempotencyReplayError) as replay:
        await take(ledger, caller, 100, idempotency=key)
    assert (replay.value.request_id, replay.value.charged) == ("req-1", 70)
    with pytest.raises(IdempotencyReplayError):
        await submit(ledger, caller, 100, idempotency=other)


async def test_jobs_are_listed_by_status_and_page(ledger: Ledger, caller: Caller) -> None:
    jobs = [(await submit(ledger, caller)).id for _ in range(5)]
    await claimed(ledger, limit=2)

    async def page(**options: object) -> list[str]:
        return [each.id for each in await ledger.jobs("studio", limit=2, **options)]  # type: ignore[arg-type]

    assert await page() == [jobs[4], jobs[3]]
    assert await page(after=jobs[3]) == [jobs[2], jobs[1]]
    assert await page(after=jobs[1]) == [jobs[0]]
    assert await page(status="in_progress") == [jobs[1], jobs[0]]
    assert await page(status="queued", after=jobs[3]) == [jobs[2]]
    assert await page(status="completed") == []


async def test_events_are_numbered_and_read_from_any_of_them(
    ledger: Ledger, caller: Caller
) -> None:
    job = await submit(ledger, caller)
    await claimed(ledger)
    events = [
        JobEvent(kind="partial_image", data={"index": 0}, name="events/1"),
        JobEvent(kind="completed", data={"index": 0}, name="events/2"),
        JobEvent(kind="error"),
    ]

    numbers = [await ledger.add_job_event(job.id, "worker", each) for each in events]

    assert numbers == [1, 2, 3]
    stored = [replace(each, number=n) for n, each in enumerate(events, 1)]
    assert await ledger.job_events("studio", job.id) == stored
    assert await ledger.job_events("studio", job.id, after=2) == stored[2:]
    await ledger.end_job(job.id, "worker", COMPLETED)
    assert await ledger.job_events("studio", job.id) == stored


async def test_the_depth_of_the_queues_is_told_by_model(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    assert await ledger.job_queues() == []
    first = await submit(ledger, caller, model="canvas")
    clock.advance(30)
    await submit(ledger, caller, model="canvas")
    await submit(ledger, caller, model="sketch")
    await ledger.cancel_job("studio", (await submit(ledger, caller, model="gone")).id)
    clock.advance(10)

    assert sorted(await ledger.job_queues(), key=repr) == [
        JobQueueDepth("canvas", 2, 0, 40),
        JobQueueDepth("sketch", 1, 0, 10),
    ]
    assert await claimed(ledger, limit=1) == [first.id]
    assert JobQueueDepth("canvas", 1, 1, 10) in await ledger.job_queues()


async def test_a_job_that_no_worker_takes_in_time_fails_free_and_is_told_of(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    running = await submit(ledger, caller)
    await claimed(ledger)
    overdue = [(await submit(ledger, caller)).id for _ in range(3)]
    clock.advance(DAY)
    await ledger.renew_jobs("worker", [running.id], LEASE)
    late = await submit(ledger, caller)
    error = {"code": "job_expired"}

    assert await ledger.fail_overdue_jobs(DAY + 1, 10, error) == []
    failed = [*await ledger.fail_overdue_jobs(DAY, 2, error)]
    failed += await ledger.fail_overdue_jobs(DAY, 2, error)

    assert sorted(each.id for each in failed) == overdue
    assert {each.payload for each in failed} == {b"\x00sealed"}
    found = [await ledger.job("studio", each) for each in overdue]
    assert {(each.status, each.finished_at, each.charged) for each in found} == {
        ("failed", late.created_at, None)
    }
    assert found[0].error == error
    live = [each.id for each in await ledger.jobs("studio") if each.is_live]
    assert live == [late.id, running.id]
    account = await ledger.account("studio")
    assert account.held == late.hold.amount + running.hold.amount
    messages = await ledger.find_webhooks([f"msg_{each}_failed" for each in overdue])
    assert len(messages) == 3
    assert await claimed(ledger, "other") == [late.id]
    assert (await ledger.audit()).problems == ()


async def test_jobs_are_forgotten_after_their_time_and_no_sooner(
    ledger: Ledger, caller: Caller, clock: Clock, store: Store
) -> None:
    ended = await submit(ledger, caller, retention_seconds=600)
    live = await submit(ledger, caller, retention_seconds=1)
    await claimed(ledger, limit=1)
    await ledger.add_job_event(ended.id, "worker", JobEvent(kind="completed"))
    await ledger.end_job(ended.id, "worker", COMPLETED)

    clock.advance(599)
    assert await ledger.expired_jobs(10) == []
    clock.advance(1)
    assert [each.id for each in await ledger.expired_jobs(10)] == [ended.id]
    await ledger.forget_jobs([ended.id, live.id, "job_unknown"])

    assert await store.query("SELECT id FROM job") == [(live.id,)]
    assert await store.query("SELECT * FROM job_event") == []
    assert (await ledger.audit()).problems == ()


async def test_a_forgotten_job_is_a_request_like_any_other_for_its_key(
    ledger: Ledger, caller: Caller
) -> None:
    key = Idempotency("poster", "digest")
    job = await submit(ledger, caller, idempotency=key)
    await claimed(ledger)
    await ledger.end_job(job.id, "worker", COMPLETED)
    await ledger.forget_jobs([job.id])

    with pytest.raises(IdempotencyReplayError):
        await submit(ledger, caller, idempotency=key)
