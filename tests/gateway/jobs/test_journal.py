"""The journal of a job's calls: noted before they are sent, and enough to carry a job on."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.dialects import polled
from tests.gateway.dialects.polled import Provider
from tests.gateway.jobs.support import (
    code_of,
    ended,
    kill_workers,
    submitted,
    worker,
    working,
)
from tintype_gateway.dialects.registry import get_dialect, register
from tintype_gateway.jobs.failures import MOST_LOST_WORKERS
from tintype_gateway.jobs.journal import JobJournal
from tintype_gateway.jobs.sealing import KEY_BYTES, Sealing
from tintype_gateway.ledger.errors import JobLostError, LedgerUnavailableError
from tintype_gateway.ledger.operations.jobs import JobOperations
from tintype_gateway.values.call_journal import KnownTask
from tintype_gateway.values.routes import Route
from tintype_gateway.values.tasks import Task, TaskCancel
from tintype_gateway.values.upstream import PlannedCall
from tintype_testing.builders import job, route
from tintype_testing.gateway import ACCOUNT, canvas
from tintype_testing.sample_images import drawn
from tintype_testing.waiting import eventually

SEALING = Sealing([bytes(KEY_BYTES)])
OVER = route("eu-west-1")
NOW = datetime.now(UTC)
SUBMIT, POLL, STOP = "POST /jobs", "GET /jobs/j1", "POST /jobs/j1/stop"


class Notes:
    """The notes of one job, as the ledger has them."""

    def __init__(self) -> None:
        self.sent = 0
        self.tasks: bytes | None = None
        self.failures: list[Exception] = []

    async def note_sent(self, job_id: str, claim: str) -> None:
        self._fail()
        self.sent += 1

    async def note_tasks(self, job_id: str, claim: str, tasks: bytes) -> None:
        self._fail()
        self.tasks = tasks

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)


def journal(notes: Notes, noted: bytes | None = None) -> JobJournal:
    return JobJournal("job_1", "claim", cast(JobOperations, notes), SEALING, noted)


def call(first: int) -> PlannedCall:
    return PlannedCall(first, 1, job())


def task(number: int, *, stops: bool = True) -> Task:
    url = f"https://queue.example.com/{number}"
    return Task(str(number), url, TaskCancel("PUT", url) if stops else None, Decimal("0.02"))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=12),
    st.booleans(),
)
async def test_another_process_reads_what_was_noted_and_resumes_only_if_all_of_it_has_tasks(
    steps: list[tuple[int, bool]], stops: bool
) -> None:
    notes = Notes()
    first = journal(notes)
    sent: set[int] = set()
    accepted: dict[int, KnownTask] = {}
    for number, accepts in steps:
        if number not in sent:
            await first.sending(call(number), OVER)
            sent.add(number)
        elif accepts and number not in accepted:
            made = task(number, stops=stops)
            known = KnownTask(OVER.binding.name, OVER.region, made, NOW)
            await first.accepted(call(number), OVER, made, NOW)
            accepted[number] = known

    second = journal(notes, notes.tasks)

    assert notes.sent == bool(sent)
    assert first.may_resume == (bool(sent) and sent == set(accepted))
    assert (notes.tasks is not None) == bool(accepted)
    if accepted:
        assert second.may_resume == first.may_resume
        assert {number: second.known_task(call(number)) for number in accepted} == accepted
        assert all(second.known_task(call(number)) is None for number in sent - set(accepted))


async def test_a_call_of_which_its_provider_has_made_nothing_stands_in_no_ones_way() -> None:
    notes = Notes()
    first = journal(notes)
    await first.sending(call(0), OVER)
    await first.sending(call(1), OVER)
    await first.accepted(call(0), OVER, task(0), NOW)
    assert not journal(notes, notes.tasks).may_resume

    await first.made_nothing(call(1))
    await first.made_nothing(call(0))  # its task says so again

    assert first.may_resume
    second = journal(notes, notes.tasks)
    assert second.may_resume
    assert second.known_task(call(0)) is not None
    assert second.known_task(call(1)) is None


async def test_a_job_of_whose_calls_nothing_was_made_counts_as_unsent() -> None:
    first = journal(Notes())
    await first.sending(call(0), OVER)
    await first.made_nothing(call(0))
    assert not first.has_sent

    await first.sending(call(0), OVER)
    assert first.has_sent


async def test_a_call_that_is_made_again_is_noted_again_in_case_another_has_the_job() -> None:
    notes = Notes()
    first = journal(notes)
    await first.sending(call(0), OVER)
    await first.made_nothing(call(0))
    notes.failures = [JobLostError()]

    with pytest.raises(JobLostError):
        await first.sending(call(0), OVER)


async def test_the_tasks_are_sealed() -> None:
    notes = Notes()
    first = journal(notes)
    await first.sending(call(0), OVER)
    await first.accepted(call(0), OVER, task(0), NOW)

    assert notes.tasks is not None
    assert b"queue.example.com" not in notes.tasks


async def test_an_outage_of_the_ledger_delays_the_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tintype_gateway.jobs.patience.RETRY_SECONDS", 0)
    notes = Notes()
    notes.failures = [LedgerUnavailableError("away")] * 3

    await journal(notes).sending(call(0), OVER)

    assert notes.sent == 1


async def test_a_lost_job_leaves_its_tasks_to_whom_can_resume_it() -> None:
    notes = Notes()
    first = journal(notes)
    await first.sending(call(0), OVER)
    await first.accepted(call(0), OVER, task(0), NOW)
    notes.failures = [JobLostError()]

    with pytest.raises(JobLostError):
        await first.accepted(call(0), OVER, task(1), NOW)

    assert first.leaves_tasks


async def test_a_task_of_a_lost_job_that_nobody_knows_is_not_left() -> None:
    notes = Notes()
    first = journal(notes)
    await first.sending(call(0), OVER)
    notes.failures = [JobLostError()]

    with pytest.raises(JobLostError):
        await first.accepted(call(0), OVER, task(0), NOW)

    assert not first.leaves_tasks


@pytest.fixture
def _registered() -> Iterator[None]:
    """Let the dialect of a provider that is polled take the name of another one."""
    usual = get_dialect("openai-images")
    register("openai-images", polled)
    yield
    register("openai-images", usual)


@pytest.mark.usefixtures("_registered")
async def test_a_call_is_noted_before_it_is_sent_and_its_task_before_it_is_polled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Provider([{"state": "ready", "file": "{url}/files/j1"}], drawn("png", 64, 64))
    seen: list[tuple[str, bool, int, int]] = []
    sending, accepted = JobJournal.sending, JobJournal.accepted

    def look() -> tuple[str, bool, int, int]:
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
            phase, has_tasks = ledger.execute("SELECT phase, tasks NOT NULL FROM job").fetchone()
        return phase, bool(has_tasks), provider.count(SUBMIT), provider.count(POLL)

    async def noting(self: JobJournal, planned: PlannedCall, over: Route) -> None:
        await sending(self, planned, over)
        seen.append(look())

    async def noting_task(
        self: JobJournal, planned: PlannedCall, over: Route, made: Task, at: datetime
    ) -> None:
        await accepted(self, planned, over, made, at)
        seen.append(look())

    monkeypatch.setattr(JobJournal, "sending", noting)
    monkeypatch.setattr(JobJournal, "accepted", noting_task)
    async with polled.running(provider):
        manifests = canvas(endpoint=provider.url, provider="acme")
        async with working(tmp_path, manifests) as gateway:
            ended_job = await ended(gateway, await submitted(gateway))

    assert ended_job.status == "completed"
    assert seen == [("sent", False, 0, 0), ("sent", True, 1, 0)]
    assert (provider.count(SUBMIT), provider.count(POLL), provider.count(STOP)) == (1, 1, 0)


@pytest.mark.usefixtures("_registered")
async def test_a_job_that_its_client_cancels_is_cancelled_at_the_provider(tmp_path: Path) -> None:
    provider = Provider([{"state": "queued"}], drawn("png", 64, 64))
    async with polled.running(provider):
        manifests = canvas(endpoint=provider.url, provider="acme")
        async with working(tmp_path, manifests) as gateway:
            job_id = await submitted(gateway)
            await eventually(lambda: provider.count(POLL) > 0)
            await gateway.ledger.cancel_job(ACCOUNT, job_id)
            ended_job = await ended(gateway, job_id)
            await eventually(lambda: provider.count(STOP) == 1)

    assert (ended_job.status, ended_job.charged) == ("cancelled", None)
    assert provider.count(SUBMIT) == 1


@pytest.mark.usefixtures("_registered")
async def test_a_worker_that_drains_leaves_a_task_to_the_next_one(tmp_path: Path) -> None:
    gate = asyncio.Event()
    ready = {"state": "ready", "file": "{url}/files/j1"}
    provider = Provider([{"state": "queued"}, gate, ready], drawn("png", 64, 64))
    async with polled.running(provider):
        manifests = canvas(endpoint=provider.url, provider="acme")
        async with working(tmp_path, manifests, jobs_concurrency=0) as gateway:
            job_id = await submitted(gateway)
            async with worker(gateway, jobs_drain_seconds=0):
                await eventually(lambda: provider.count(POLL) > 1)
            left = await gateway.ledger.job(ACCOUNT, job_id)
            gate.set()
            async with worker(gateway):
                ended_job = await ended(gateway, job_id)

    assert left.is_live
    assert (ended_job.status, ended_job.attempts) == ("completed", 2)
    assert (provider.count(SUBMIT), provider.count(STOP)) == (1, 0)


@pytest.mark.usefixtures("_registered")
async def test_a_job_that_is_cancelled_between_two_workers_is_cancelled_at_the_provider(
    tmp_path: Path,
) -> None:
    provider = Provider([{"state": "queued"}], drawn("png", 64, 64))
    async with polled.running(provider):
        manifests = canvas(endpoint=provider.url, provider="acme")
        async with working(tmp_path, manifests, jobs_concurrency=0) as gateway:
            job_id = await submitted(gateway)
            async with worker(gateway, jobs_drain_seconds=0):
                await eventually(lambda: provider.count(POLL) > 0)
            polls = provider.count(POLL)
            await gateway.ledger.cancel_job(ACCOUNT, job_id)
            async with worker(gateway):
                ended_job = await ended(gateway, job_id)
                await eventually(lambda: provider.count(STOP) == 1)

    assert (ended_job.status, ended_job.charged) == ("cancelled", None)
    assert provider.count(POLL) == polls


@pytest.mark.usefixtures("_registered")
async def test_a_task_with_which_one_worker_after_another_is_gone_is_given_up(
    tmp_path: Path,
) -> None:
    provider = Provider([{"state": "queued"}], drawn("png", 64, 64))
    async with polled.running(provider):
        manifests = canvas(endpoint=provider.url, provider="acme")
        async with working(tmp_path, manifests, jobs_concurrency=0) as gateway:
            job_id = await submitted(gateway)
            async with worker(gateway, jobs_drain_seconds=0):
                await eventually(lambda: provider.count(POLL) > 0)
            await kill_workers(gateway, job_id, MOST_LOST_WORKERS)
            polls = provider.count(POLL)
            async with worker(gateway):
                ended_job = await ended(gateway, job_id)

    assert (ended_job.status, code_of(ended_job)) == ("outcome_unknown", "outcome_unknown")
    assert provider.count(POLL) == polls


@pytest.mark.usefixtures("_registered")
async def test_a_task_that_is_polled_on_is_charged_by_the_time_since_its_submission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    ready = {"state": "ready", "file": "{url}/files/j1"}
    provider = Provider([{"state": "queued"}, gate, ready], drawn("png", 64, 64))
    accepted = JobJournal.accepted

    async def long_ago(
        self: JobJournal, planned: PlannedCall, over: Route, made: Task, at: datetime
    ) -> None:
        await accepted(self, planned, over, made, at - timedelta(seconds=100))

    monkeypatch.setattr(JobJournal, "accepted", long_ago)
    pricing = {"type": "per_second", "usd": "0.001", "maxUsd": "5"}
    begun = time.monotonic()
    async with polled.running(provider):
        manifests = canvas(endpoint=provider.url, provider="acme", pricing=pricing)
        async with working(tmp_path, manifests, jobs_concurrency=0) as gateway:
            job_id = await submitted(gateway)
            async with worker(gateway, jobs_drain_seconds=0):
                await eventually(lambda: provider.count(POLL) > 0)
            gate.set()
            async with worker(gateway):
                ended_job = await ended(gateway, job_id)

    assert ended_job.charged is not None
    most = 101 + time.monotonic() - begun
    assert 100 <= ended_job.charged / 16_000 < most  # a second costs 16,000 micro-credits


@pytest.mark.usefixtures("_registered")
async def test_a_task_whose_result_was_stored_already_is_not_polled_again(tmp_path: Path) -> None:
    ready = {"state": "ready", "file": "{url}/files/j1"}
    provider = Provider([ready, {"state": "queued"}], drawn("png", 64, 64))
    answers = tmp_path / "images" / "answers"
    async with polled.running(provider):
        manifests = canvas(endpoint=provider.url, provider="acme")
        async with working(tmp_path, manifests, jobs_concurrency=0) as gateway:
            job_id = await submitted(gateway)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(gateway.ledger, "end_job", _away)
                patch.setattr("tintype_gateway.jobs.worker.ENDING_SECONDS", 0.1)
                async with worker(gateway, jobs_drain_seconds=0):
                    await eventually(lambda: answers.is_dir() and any(answers.iterdir()))
            polls = provider.count(POLL)
            async with worker(gateway):
                ended_job = await ended(gateway, job_id)

    assert (ended_job.status, provider.count(POLL)) == ("completed", polls)


async def _away(*_: object) -> None:
    raise LedgerUnavailableError("away")


@pytest.mark.usefixtures("_registered")
async def test_an_outage_of_the_ledger_that_is_longer_than_a_call_may_take_loses_no_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = {"state": "ready", "file": "{url}/files/j1"}
    provider = Provider([{"state": "queued"}, ready], drawn("png", 64, 64))
    sending, accepted = JobJournal.sending, JobJournal.accepted

    async def late(self: JobJournal, *args: Any) -> None:
        await asyncio.sleep(5.5)
        await sending(self, *args)

    async def late_task(self: JobJournal, *args: Any) -> None:
        await asyncio.sleep(5.5)
        await accepted(self, *args)

    monkeypatch.setattr(JobJournal, "sending", late)
    monkeypatch.setattr(JobJournal, "accepted", late_task)
    async with polled.running(provider):
        manifests = canvas(endpoint=provider.url, provider="acme", timeoutSeconds=5)
        async with working(tmp_path, manifests) as gateway:
            ended_job = await ended(gateway, await submitted(gateway))

    assert ended_job.status == "completed"
    assert provider.count(STOP) == 0
