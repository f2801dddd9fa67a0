"""What a worker does with the jobs of another one that is gone, and when something is missing."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.jobs.support import (
    PRICE,
    code_of,
    ended,
    kill_workers,
    read,
    submitted,
    submitted_edit,
    worker,
    working,
)
from tintype_gateway.accounts import AccountSpec, Policy
from tintype_gateway.jobs.failures import MOST_LOST_WORKERS
from tintype_gateway.jobs.journal import JobJournal
from tintype_gateway.jobs.overdue import fail_some
from tintype_gateway.jobs.retention import forget_some
from tintype_gateway.jobs.sealing import KEY_BYTES, Sealing
from tintype_gateway.jobs.service import JobService
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.jobs import Job, JobEnd, JobLimits
from tintype_gateway.storage.stored_responses import (
    Bill,
    StoredBody,
    StoredResponse,
    response_name,
)
from tintype_gateway.values.tasks import Task
from tintype_gateway.values.upstream import PlannedCall
from tintype_testing.builders import job as wish
from tintype_testing.builders import route
from tintype_testing.edit_requests import editing_canvas
from tintype_testing.gateway import ACCOUNT, CREDITS_MICRO, Gateway, catalog_of
from tintype_testing.manifests import image_model, per_image, provider_binding
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

GONE = "a worker that is gone"
LIMITS = JobLimits(100, 100)
CALL = PlannedCall(0, 1, wish())
NOW = datetime.now(UTC)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that takes jobs and runs none by itself."""
    async with working(tmp_path, editing_canvas(), jobs_concurrency=0) as gateway:
        yield gateway


async def lost(gateway: Gateway, **fields: object) -> tuple[Job, JobJournal]:
    """Return a job whose worker is gone, and the journal that it has had."""
    job_id = await submitted(gateway, **fields)
    (claimed,) = await gateway.ledger.claim_jobs(GONE, 1, 0.01, LIMITS)
    assert claimed.job.id == job_id
    assert gateway.jobs.payloads is not None
    sealing = gateway.jobs.payloads.sealing
    return claimed.job, JobJournal(job_id, GONE, gateway.ledger, sealing)


def take_over(gateway: Gateway) -> None:
    """Let another worker have all jobs."""
    with closing(sqlite3.connect(gateway.ledger_path)) as other:
        other.execute("UPDATE job SET claim = 'another', lease_until = 9e15")
        other.commit()


async def test_a_job_of_which_nothing_was_sent_is_run(gateway: Gateway) -> None:
    job, _ = await lost(gateway)

    async with worker(gateway):
        assert (await ended(gateway, job.id)).status == "completed"

    assert len(await gateway.upstream_calls()) == 1
    assert (await gateway.account()).balance == CREDITS_MICRO - PRICE


async def test_a_job_that_was_sent_and_has_no_result_is_given_up_free(gateway: Gateway) -> None:
    job, journal = await lost(gateway)
    await journal.sending(CALL, route())

    async with worker(gateway):
        given_up = await ended(gateway, job.id)

    assert (given_up.status, code_of(given_up)) == ("outcome_unknown", "outcome_unknown")
    assert await gateway.upstream_calls() == []
    assert (await gateway.account()).available == CREDITS_MICRO


async def test_a_job_whose_result_was_stored_is_completed_and_charged_once(
    gateway: Gateway,
) -> None:
    job, journal = await lost(gateway)
    await journal.sending(CALL, route())
    store = gateway.jobs.submissions.pipeline.images.store
    assert store is not None
    await store.put("images/a.png", b"an image", "image/png", 3600)
    texts = (b'{"data":[{"b64_json":"', b'"}],')
    bill = Bill(PRICE, 1, {"usage": {"images": 1}})
    record = StoredResponse(StoredBody(texts, ("images/a.png",)), {}, job.hold, bill)
    await store.put(response_name(job.request_id), record.dumped(), "application/json", 3600)

    async with worker(gateway), worker(gateway):
        completed = await ended(gateway, job.id)

    assert (completed.status, completed.charged) == ("completed", PRICE)
    assert (await read(gateway, job.id))["result"]["data"] == [{"b64_json": "YW4gaW1hZ2U="}]
    assert (await gateway.account()).balance == CREDITS_MICRO - PRICE
    assert await gateway.upstream_calls() == []


async def test_a_task_at_a_provider_that_left_the_catalog_is_given_up(gateway: Gateway) -> None:
    job, journal = await lost(gateway)
    await journal.sending(CALL, route())
    await journal.accepted(CALL, route(), Task("t1", "https://elsewhere.example.com/t1"), NOW)

    async with worker(gateway):
        given_up = await ended(gateway, job.id)

    assert given_up.status == "outcome_unknown"
    assert await gateway.upstream_calls() == []


async def test_a_call_that_was_sent_beside_a_task_is_not_made_again(gateway: Gateway) -> None:
    job, journal = await lost(gateway, n=2)
    await journal.sending(CALL, route())
    await journal.accepted(CALL, route(), Task("t1", "https://elsewhere.example.com/t1"), NOW)
    await journal.sending(PlannedCall(1, 1, wish()), route())

    async with worker(gateway):
        assert (await ended(gateway, job.id)).status == "outcome_unknown"

    assert await gateway.upstream_calls() == []


async def test_an_unexpected_error_ends_no_leases(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tintype_gateway.jobs.worker.RETRY_SECONDS", 0)
    renew, calls = gateway.ledger.renew_jobs, []

    async def failing(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 1:
            raise RuntimeError("a defect")
        return await renew(*args)

    await gateway.script({"hang": True})
    job_id = await submitted(gateway)
    async with worker(gateway):
        await eventually(gateway.has_called)
        monkeypatch.setattr(gateway.ledger, "renew_jobs", failing)
        await eventually(lambda: len(calls) > 2)
        await gateway.ledger.cancel_job(ACCOUNT, job_id)
        assert (await ended(gateway, job_id)).attempts == 1


async def test_a_worker_without_a_free_place_lets_others_renew_after_an_outage_of_the_ledger(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tintype_gateway.jobs.worker.RENEWED_SECONDS", 1.0)
    claim, renew, end = (
        gateway.ledger.claim_jobs,
        gateway.ledger.renew_jobs,
        gateway.ledger.end_job,
    )
    claims: list[float] = []
    ends: list[float] = []
    is_away = asyncio.Event()

    async def claiming(*args: Any, **fields: Any) -> Any:
        claims.append(time.monotonic())
        return await claim(*args, **fields)

    async def ending(*args: Any, **fields: Any) -> Any:
        ends.append(time.monotonic())
        return await end(*args, **fields)

    async def away(*_: object) -> None:
        is_away.set()
        raise LedgerUnavailableError("away")

    await gateway.script({"hang": True})
    job_id = await submitted(gateway)
    monkeypatch.setattr(gateway.ledger, "claim_jobs", claiming)
    monkeypatch.setattr(gateway.ledger, "end_job", ending)
    async with worker(gateway, jobs_concurrency=1):
        await eventually(gateway.has_called)
        monkeypatch.setattr(gateway.ledger, "renew_jobs", away)
        await is_away.wait()
        await asyncio.sleep(2)  # a lease: an outage of more than half of one
        monkeypatch.setattr(gateway.ledger, "renew_jobs", renew)
        claims.clear()
        await gateway.ledger.cancel_job(ACCOUNT, job_id)
        await eventually(lambda: bool(claims))

    assert claims[0] - ends[0] >= 1.0


async def test_a_worker_stops_what_it_has_lost_and_ends_nothing(gateway: Gateway) -> None:
    await gateway.script({"hang": True})
    job_id = await submitted(gateway)
    async with worker(gateway):
        await eventually(gateway.has_called)
        take_over(gateway)
        await eventually(lambda: metric("tintype_jobs_running") == 0)

    assert (await gateway.ledger.job(ACCOUNT, job_id)).status == "in_progress"
    await gateway.ledger.end_job(job_id, "another", JobEnd(status="failed"))


async def test_the_request_of_a_job_that_was_changed_cannot_be_read_and_an_operator_is_told(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await submitted(gateway)
    with closing(sqlite3.connect(gateway.ledger_path)) as other:
        other.execute("UPDATE job SET payload = zeroblob(64)")
        other.commit()

    async with worker(gateway):
        job = await ended(gateway, job_id)

    assert (job.status, code_of(job)) == ("failed", "job_unreadable")
    (line,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert (line.message, vars(line)["job"]) == ("request of a job cannot be opened", job_id)
    assert (await gateway.account()).available == CREDITS_MICRO


def with_another_key(gateway: Gateway) -> JobService:
    """Return the jobs of the gateway as one sees them whose file has another key."""
    payloads = gateway.jobs.payloads
    assert payloads is not None
    return replace(gateway.jobs, payloads=replace(payloads, sealing=Sealing([bytes(KEY_BYTES)])))


async def test_a_gateway_that_lacks_the_key_of_a_job_leaves_it_to_one_that_has_it(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tintype_gateway.jobs.worker.KEY_MISSING_SECONDS", 3600)
    before = metric("tintype_jobs_handed_back_total", mode="no_key")
    job_id = await submitted(gateway)

    seconds = 60  # on a slow machine no lease ends meanwhile
    async with worker(gateway, jobs=with_another_key(gateway), jobs_lease_seconds=seconds):

        async def was_handed_back() -> bool:
            return (await gateway.ledger.job(ACCOUNT, job_id)).handed_back == 1

        await eventually(was_handed_back)
        assert (await gateway.ledger.job(ACCOUNT, job_id)).status == "queued"
        async with worker(gateway, jobs_lease_seconds=seconds):
            job = await ended(gateway, job_id)

    assert (job.status, job.attempts, job.handed_back) == ("completed", 2, 1)
    assert metric("tintype_jobs_handed_back_total", mode="no_key") == before + 1
    (line,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert (line.message, vars(line)["job"]) == ("key of a job is missing", job_id)


async def test_a_gateway_runs_the_jobs_of_accounts_whose_key_it_has_beside_those_that_it_leaves(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tintype_gateway.jobs.worker.KEY_MISSING_SECONDS", 3600)
    await gateway.ledger.create_account("agency", credits_micro=CREDITS_MICRO)
    _, key = await gateway.ledger.create_key("agency")
    headers = {"Prefer": "respond-async", "Authorization": f"Bearer {key}"}
    left = (await gateway.generate(headers=headers)).json()["id"]
    with closing(sqlite3.connect(gateway.ledger_path)) as other:
        payload = Sealing([bytes(KEY_BYTES)]).seal(b"{}", f"job:{left}:payload")
        other.execute("UPDATE job SET payload = ? WHERE id = ?", (payload, left))
        other.commit()
    readable = [await submitted(gateway) for _ in range(2)]

    # without a pause that account would be next after the first of these jobs
    async with worker(gateway, jobs_concurrency=1):
        statuses = [(await ended(gateway, each)).status for each in readable]

    assert statuses == ["completed", "completed"]
    skipped = await gateway.ledger.cancel_job("agency", left)
    assert (skipped.status, skipped.handed_back) == ("cancelled", 1)


async def test_a_job_that_was_queued_for_too_long_fails_free(gateway: Gateway) -> None:
    job_id = await submitted(gateway)
    with closing(sqlite3.connect(gateway.ledger_path)) as other:
        other.execute("UPDATE job SET created_at = created_at - 61")
        other.commit()

    async with worker(gateway, jobs_max_queued_seconds=60):
        job = await ended(gateway, job_id)

    assert (job.status, code_of(job)) == ("failed", "job_expired")
    assert await gateway.upstream_calls() == []
    assert (await gateway.account()).available == CREDITS_MICRO


async def test_a_queued_job_that_no_worker_takes_in_time_fails_with_all_of_its_files(
    gateway: Gateway,
) -> None:
    await gateway.ledger.set_policy(ACCOUNT, Policy(running_jobs=1))
    running, _ = await lost(gateway)
    job_id = await submitted_edit(gateway)
    files = gateway.ledger_path.parent / "images"
    assert len(list(files.glob("jobs/*"))) == 2  # the image and its mask
    await asyncio.sleep(0.01)

    assert await fail_some(gateway.ledger, gateway.jobs.payloads, 60) == 0
    assert await fail_some(gateway.ledger, gateway.jobs.payloads, 0) == 1

    job = await read(gateway, job_id)
    assert (job["status"], job["error"]["code"]) == ("failed", "job_expired")
    assert list(files.glob("jobs/*")) == []
    assert (await gateway.ledger.job(ACCOUNT, running.id)).status == "in_progress"
    await gateway.ledger.end_job(running.id, GONE, JobEnd(status="failed"))


async def test_a_job_with_which_one_gateway_after_another_has_ended_is_tried_no_more(
    gateway: Gateway,
) -> None:
    job_id = await submitted(gateway)
    await kill_workers(gateway, job_id, MOST_LOST_WORKERS)

    async with worker(gateway):
        job = await ended(gateway, job_id)

    assert (job.status, code_of(job)) == ("failed", "job_abandoned")
    assert await gateway.upstream_calls() == []
    assert (await gateway.account()).available == CREDITS_MICRO


async def test_a_job_that_fewer_gateways_have_lost_is_run_however_often_it_was_handed_back(
    gateway: Gateway,
) -> None:
    job_id = await submitted(gateway)
    await kill_workers(gateway, job_id, MOST_LOST_WORKERS - 1)
    for _ in range(MOST_LOST_WORKERS):

        async def is_claimed() -> bool:
            return bool(await gateway.ledger.claim_jobs("drained", 1, 60, LIMITS))

        await eventually(is_claimed)
        await gateway.ledger.hand_back_job(job_id, "drained")

    async with worker(gateway):
        assert (await ended(gateway, job_id)).status == "completed"


async def test_the_job_of_a_suspended_account_fails_free(gateway: Gateway) -> None:
    job_id = await submitted(gateway)
    await gateway.ledger.put_account(ACCOUNT, AccountSpec(suspended=True))

    async with worker(gateway):
        job = await ended(gateway, job_id)

    assert (job.status, code_of(job)) == ("failed", "account_suspended")


async def test_a_price_that_rises_after_the_submission_is_charged_up_to_the_hold(
    gateway: Gateway,
) -> None:
    job_id = await submitted(gateway)
    dearer = [
        image_model(size={"mode": "List", "sizes": ["256x256"]}),
        provider_binding(upstreamModel="dall-e-2", pricing=per_image("0.08")),
    ]
    gateway.catalogs.offer(catalog_of(dearer, gateway.simulator), 2, "test")

    async with worker(gateway):
        job = await ended(gateway, job_id)

    assert (job.status, job.charged) == ("completed", PRICE)


async def test_an_outage_of_the_ledger_delays_the_end_and_loses_nothing(gateway: Gateway) -> None:
    await gateway.script({"delay_seconds": 0.3})
    job_id = await submitted(gateway)
    async with worker(gateway, jobs_lease_seconds=60):
        await eventually(gateway.has_called)
        with closing(sqlite3.connect(gateway.ledger_path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answers = gateway.ledger_path.parent / "images" / "answers"
            await eventually(answers.is_dir)
            other.execute("ROLLBACK")
        job = await ended(gateway, job_id)

    assert (job.status, job.charged) == ("completed", PRICE)


async def test_an_expired_job_leaves_with_all_of_its_files(gateway: Gateway) -> None:
    job_id = await submitted(gateway, n=2)
    store = gateway.jobs.submissions.pipeline.images.store
    async with worker(gateway):
        await ended(gateway, job_id)
    files = gateway.ledger_path.parent / "images"
    stored = list(files.glob("images/*")), list(files.glob("jobs/*")), list(files.glob("answers/*"))
    assert [len(each) for each in stored] == [2, 2, 1]  # images, events, the result
    with closing(sqlite3.connect(gateway.ledger_path)) as other:
        other.execute("UPDATE job SET expires_at = 1")
        other.commit()

    assert await forget_some(gateway.ledger, store) == 1

    assert list(files.glob("[!c]*/*")) == []
    assert await gateway.ledger.jobs(ACCOUNT) == []


async def test_an_expired_job_leaves_although_its_files_are_damaged(gateway: Gateway) -> None:
    job_id = await submitted(gateway)
    store = gateway.jobs.submissions.pipeline.images.store
    async with worker(gateway):
        await ended(gateway, job_id)
    files = gateway.ledger_path.parent / "images"
    for record in files.glob("*/*.json"):
        record.write_bytes(b"")
    with closing(sqlite3.connect(gateway.ledger_path)) as other:
        other.execute("UPDATE job SET expires_at = 1")
        other.commit()

    assert await forget_some(gateway.ledger, store) == 1

    assert list(files.glob("*/*.json")) == []
    assert await gateway.ledger.jobs(ACCOUNT) == []


async def test_a_worker_that_drains_while_the_ledger_is_away_ends(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tintype_gateway.jobs.worker.ENDING_SECONDS", 0.1)
    await gateway.script({"hang": True})
    job_id = await submitted(gateway)

    async def away(*_: object) -> None:
        raise LedgerUnavailableError("away")

    async with asyncio.timeout(60), worker(gateway, jobs_drain_seconds=0):
        await eventually(gateway.has_called)
        monkeypatch.setattr(gateway.ledger, "end_job", away)

    monkeypatch.undo()
    assert (await gateway.ledger.job(ACCOUNT, job_id)).status == "in_progress"
    take_over(gateway)
    await gateway.ledger.end_job(job_id, "another", JobEnd(status="failed"))


async def test_a_job_for_which_there_is_no_store_now_is_handed_back_and_run_later(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tintype_gateway.jobs.worker.POSTPONED_SECONDS", 0.5)
    job_id = await submitted_edit(gateway)
    images = gateway.ledger_path.parent / "images" / "jobs"
    images.rename(images.with_name("away"))
    images.write_text("a file where a folder should be")
    async with worker(gateway):

        async def was_handed_back() -> bool:
            job = await gateway.ledger.job(ACCOUNT, job_id)
            return job.status == "queued" and job.attempts == job.handed_back > 0

        await eventually(was_handed_back)
        images.unlink()
        images.with_name("away").rename(images)
        job = await ended(gateway, job_id)

    assert job.status == "completed"
    assert job.attempts == job.handed_back + 1 > 1
    assert list(images.glob("*.0.0")) == []
