"""Jobs against a model of them: any sequence of submissions, claims, kills, ends and repeats."""

import asyncio
import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from tintype_gateway.ledger import (
    Caller,
    Idempotency,
    IdempotencyMismatchError,
    IdempotencyOutcomeUnknownError,
    IdempotencyReplayError,
    IdempotentJobError,
    InsufficientCreditsError,
    JobLostError,
    JobQueueFullError,
    LedgerError,
    Policy,
)
from tintype_gateway.ledger.jobs import Claimed, EndStatus, JobEnd, JobEvent, JobLimits
from tintype_testing.ledger_stores import PostgresStore, SqliteStore, Store
from tintype_testing.ledgers import Clock, submit
from tintype_testing.postgres import PostgresServer

pytestmark = pytest.mark.timeout(1200)
"""Hypothesis shrinks a failure for at most five minutes: one that is cut short tells nothing."""

LEASE = 60
RETENTION = 7200
DAY = 24 * 3600
CREDITS = 300
LIMITS = JobLimits(queued=3, running=2)

QUEUED = {"ada": 3, "bob": 3, "cem": 2}
RUNNING = {"ada": 2, "bob": 1, "cem": 2}
"""The limits of each account: some are those of its policy."""

accounts = st.sampled_from(sorted(RUNNING))
amounts = st.integers(min_value=0, max_value=120)
idempotencies = st.none() | st.builds(Idempotency, st.sampled_from("pq"), st.sampled_from("xy"))
ends = st.sampled_from(["completed", "failed", "cancelled", "outcome_unknown"])


@dataclass
class ModelJob:
    account: str
    amount: int
    created_at: float
    idempotency: Idempotency | None
    status: str = "queued"
    sent: bool = False
    has_tasks: bool = False
    claim: str = ""
    lease_until: float = 0
    cancel_requested: bool = False
    attempts: int = 0
    handed_back: int = 0
    events: int = 0
    finished_at: float = 0
    charged: int | None = None
    is_forgotten: bool = False

    @property
    def is_live(self) -> bool:
        return self.status in ("queued", "in_progress")

    def has_key(self, account: str, idempotency: Idempotency | None) -> bool:
        mine = self.idempotency if self.account == account else None
        return mine is not None and idempotency is not None and mine.key == idempotency.key

    def end(self, status: str, now: float) -> None:
        self.status, self.finished_at = status, now
        self.charged = None
        if status in ("failed", "cancelled"):
            self.idempotency = None


class JobMachine(RuleBasedStateMachine):
    """Does everything twice: in the ledger, and in a dictionary of jobs."""

    stores: ClassVar[Iterator[Store]]
    """Empty databases."""

    jobs = Bundle("jobs")
    workers = Bundle("workers")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.ledger = next(self.stores).open(self.clock)
        for name in RUNNING:
            self.runner.run(self.ledger.create_account(name, credits_micro=CREDITS))
        self.runner.run(self.ledger.set_policy("bob", Policy(running_jobs=1)))
        self.runner.run(self.ledger.set_policy("cem", Policy(queued_jobs=2)))
        self.model: dict[str, ModelJob] = {}
        self.turns = dict.fromkeys(RUNNING, 0)
        self.numbers = itertools.count(1)
        self.having: dict[str, set[str]] = {}

    @override
    def teardown(self) -> None:
        try:
            assert self.runner.run(self.ledger.audit()).problems == ()
        finally:
            self.runner.run(self.ledger.close())
            self.runner.close()

    def of(self, account: str, status: str) -> list[str]:
        """Return the jobs of an account, oldest first."""
        return sorted(
            job
            for job, model in self.model.items()
            if (model.account, model.status) == (account, status)
        )

    def available(self, account: str) -> int:
        mine = [model for model in self.model.values() if model.account == account]
        held = sum(model.amount for model in mine if model.is_live)
        return CREDITS - held - sum(model.charged or 0 for model in mine)

    def first_with(self, account: str, idempotency: Idempotency | None) -> str | None:
        """Return the job that still has an idempotency key."""
        for job, model in self.model.items():
            kept = model.is_live or self.clock.now < model.created_at + DAY
            if kept and model.has_key(account, idempotency):
                return job
        return None

    def refusal(
        self, account: str, amount: int, idempotency: Idempotency | None
    ) -> type[LedgerError] | None:
        """Return why a job cannot be submitted."""
        first = self.first_with(account, idempotency)
        if first is not None:
            model = self.model[first]
            if model.idempotency != idempotency:
                return IdempotencyMismatchError
            if not model.is_forgotten:
                return IdempotentJobError
            sold = model.charged is not None
            return IdempotencyReplayError if sold else IdempotencyOutcomeUnknownError
        if len(self.of(account, "queued")) >= QUEUED[account]:
            return JobQueueFullError
        return InsufficientCreditsError if self.available(account) < amount else None

    def new_worker(self) -> str:
        name = f"worker-{len(self.having)}"
        self.having[name] = set()
        return name

    @initialize(target=workers)
    def a_worker_is_there(self) -> str:
        return self.new_worker()

    @rule(target=workers)
    def a_worker_begins(self) -> str:
        return self.new_worker()

    @rule(target=workers, killed=consumes(workers))
    def a_worker_is_killed(self, killed: str) -> str:
        return self.new_worker()

    @rule(target=jobs, account=accounts, amount=amounts, idempotency=idempotencies)
    def submit(self, account: str, amount: int, idempotency: Idempotency | None) -> object:
        submitting = submit(
            self.ledger,
            Caller(account, "key"),
            amount,
            idempotency=idempotency,
            limits=LIMITS,
            retention_seconds=RETENTION,
        )
        refusal = self.refusal(account, amount, idempotency)
        if refusal is not None:
            with pytest.raises(refusal) as refused:
                self.runner.run(submitting)
            if isinstance(refused.value, IdempotentJobError):
                assert refused.value.job_id == self.first_with(account, idempotency)
            return multiple()
        job = self.runner.run(submitting)
        for model in self.model.values():  # the key of a first request is free after a day
            if model.has_key(account, idempotency):
                model.idempotency = None
        self.model[job.id] = ModelJob(account, amount, self.clock.now, idempotency)
        return job.id

    @rule(worker=workers, limit=st.sampled_from([0, 1, 2, 10]))
    def claim(self, worker: str, limit: int) -> None:
        lost = {
            job: model
            for job, model in self.model.items()
            if model.status == "in_progress"
            and model.lease_until <= self.clock.now
            and not (model.claim == worker and job in self.having[worker])
        }
        claiming = self.ledger.claim_jobs(worker, limit, LEASE, LIMITS, having=self.having[worker])
        claimed = self.runner.run(claiming)

        sent = {job: model for job, model in lost.items() if model.sent}
        for model in (model for model in lost.values() if not model.sent):
            model.status = "queued"
        recovered = [each for each in claimed if each.mode != "run"]
        assert len(recovered) == min(limit, len(sent))
        longest = sorted(model.lease_until for model in sent.values())[: len(recovered)]
        assert [sent[each.job.id].lease_until for each in recovered] == longest
        for each in recovered:
            model = sent[each.job.id]
            assert each.mode == ("resume" if model.has_tasks else "abandoned")
            assert (each.job.tasks is not None) == model.has_tasks
        started = [each.job.id for each in claimed if each.mode == "run"]
        assert started == self.next_jobs(limit - len(recovered))
        for each in claimed:
            self.take(each, worker)

    def next_jobs(self, limit: int) -> list[str]:
        """Start the next jobs: the account that started one the longest ago comes first."""
        started: list[str] = []
        while len(started) < limit:
            waiting = [
                name
                for name in RUNNING
                if self.of(name, "queued") and len(self.of(name, "in_progress")) < RUNNING[name]
            ]
            if not waiting:
                break
            name = min(waiting, key=lambda each: (self.turns[each], each))
            self.turns[name] = next(self.numbers)
            started.append(self.of(name, "queued")[0])
            self.model[started[-1]].status = "in_progress"
        return started

    def take(self, claimed: Claimed, worker: str) -> None:
        model = self.model[claimed.job.id]
        model.claim, model.lease_until = worker, self.clock.now + LEASE
        model.attempts += 1
        self.having[worker].add(claimed.job.id)
        assert claimed.job.attempts == model.attempts
        assert claimed.job.handed_back == model.handed_back
        assert claimed.job.cancel_requested == model.cancel_requested
        assert claimed.job.payload == b"\x00sealed"

    def has(self, worker: str, job: str) -> bool:
        """Return whether a worker has a job. Otherwise it learns so, and gives it up."""
        model = self.model[job]
        if model.claim == worker and model.status == "in_progress":
            return True
        self.having[worker].discard(job)
        return False

    @rule(worker=workers)
    def renew(self, worker: str) -> None:
        ids = self.having[worker]
        renewed = self.runner.run(self.ledger.renew_jobs(worker, list(ids), LEASE))
        assert renewed == {
            job: self.model[job].cancel_requested for job in list(ids) if self.has(worker, job)
        }
        for job in renewed:
            self.model[job].lease_until = self.clock.now + LEASE

    @rule(worker=workers, job=jobs)
    def note_sent(self, worker: str, job: str) -> None:
        noting = self.ledger.note_sent(job, worker)
        if not self.has(worker, job):
            with pytest.raises(JobLostError):
                self.runner.run(noting)
            return
        self.runner.run(noting)
        self.model[job].sent = True

    @rule(worker=workers, job=jobs)
    def note_tasks(self, worker: str, job: str) -> None:
        noting = self.ledger.note_tasks(job, worker, b"tasks")
        if not self.has(worker, job):
            with pytest.raises(JobLostError):
                self.runner.run(noting)
            return
        self.runner.run(noting)
        self.model[job].sent = self.model[job].has_tasks = True

    @rule(worker=workers, job=jobs)
    def add_event(self, worker: str, job: str) -> None:
        adding = self.ledger.add_job_event(job, worker, JobEvent(kind="completed"))
        if not self.has(worker, job):
            with pytest.raises(JobLostError):
                self.runner.run(adding)
            return
        self.model[job].events += 1
        assert self.runner.run(adding) == self.model[job].events

    @rule(worker=workers, job=jobs, status=ends, cost=amounts, images=st.integers(0, 2))
    def end(self, worker: str, job: str, status: EndStatus, cost: int, images: int) -> None:
        end = JobEnd(status=status, cost=cost, images=images)
        if status == "outcome_unknown":
            end = JobEnd(status=status)
        model = self.model[job]
        has_ended_it = model.claim == worker and not model.is_live and not model.is_forgotten
        ending = self.ledger.end_job(job, worker, end)
        if not self.has(worker, job) and not (has_ended_it and model.attempts):
            with pytest.raises(JobLostError):
                self.runner.run(ending)
            return
        ended, settlement = self.runner.run(ending)
        if model.is_live:
            kept = model.idempotency
            model.end(status, self.clock.now)
            if end.is_sold:
                model.charged, model.idempotency = min(end.cost, model.amount), kept
        self.having[worker].discard(job)
        assert (ended.status, ended.charged) == (model.status, model.charged)
        assert (settlement.charged if settlement else None) == model.charged

    @rule(worker=workers, job=jobs)
    def hand_back(self, worker: str, job: str) -> None:
        model = self.model[job]
        was_handed_back = (model.claim, model.status) == (worker, "queued")
        handing = self.ledger.hand_back_job(job, worker)
        if not self.has(worker, job) and not was_handed_back:
            with pytest.raises(JobLostError):
                self.runner.run(handing)
            return
        self.runner.run(handing)
        self.having[worker].discard(job)
        if model.sent:
            model.handed_back += model.lease_until > self.clock.now
            model.lease_until = min(model.lease_until, self.clock.now)
        else:
            model.handed_back += not was_handed_back
            model.status = "queued"

    @rule(job=jobs)
    def cancel(self, job: str) -> None:
        model = self.model[job]
        if model.is_forgotten:
            return
        cancelled = self.runner.run(self.ledger.cancel_job(model.account, job))
        if model.status == "queued":
            model.end("cancelled", self.clock.now)
            model.claim = ""
        elif model.status == "in_progress":
            model.cancel_requested = True
        assert cancelled.status == model.status

    @rule(most_seconds=st.sampled_from([LEASE, DAY]))
    def fail_overdue(self, most_seconds: int) -> None:
        failed = self.runner.run(self.ledger.fail_overdue_jobs(most_seconds, 100, {"code": "x"}))
        overdue = {
            job
            for job, model in self.model.items()
            if model.status == "queued" and model.created_at + most_seconds <= self.clock.now
        }
        assert {each.id for each in failed} == overdue
        for job in overdue:
            self.model[job].end("failed", self.clock.now)
            self.model[job].claim = ""

    @rule()
    def forget(self) -> None:
        expired = [each.id for each in self.runner.run(self.ledger.expired_jobs(100))]
        assert sorted(expired) == sorted(
            job
            for job, model in self.model.items()
            if not model.is_live
            and not model.is_forgotten
            and model.finished_at + RETENTION <= self.clock.now
        )
        self.runner.run(self.ledger.forget_jobs(expired))
        for job in expired:
            self.model[job].is_forgotten = True

    @rule()
    def holds_expire(self) -> None:
        assert self.runner.run(self.ledger.expire_holds()) == 0

    @rule(elapsed=st.sampled_from([1, LEASE - 1, LEASE, RETENTION, DAY]))
    def time_passes(self, elapsed: int) -> None:
        self.clock.advance(elapsed)

    @invariant()
    def every_account_and_job_is_as_in_the_model(self) -> None:
        for name in RUNNING:
            account = self.runner.run(self.ledger.account(name))
            assert account.available == self.available(name)
            found = self.runner.run(self.ledger.jobs(name, limit=100))
            assert [(job.id, job.status) for job in found] == [
                (job, self.model[job].status)
                for job in sorted(self.model, reverse=True)
                if self.model[job].account == name and not self.model[job].is_forgotten
            ]

    @invariant()
    def the_depth_of_the_queues_is_as_in_the_model(self) -> None:
        statuses = [model.status for model in self.model.values() if model.is_live]
        depths = self.runner.run(self.ledger.job_queues())
        assert [(each.queued, each.running) for each in depths] == (
            [(statuses.count("queued"), statuses.count("in_progress"))] if statuses else []
        )


def run(stores: Iterator[Store], examples: int) -> None:
    machine = type("Machine", (JobMachine,), {"stores": stores})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=50, deadline=None)
    )


def test_jobs_in_a_file_do_what_the_model_does(tmp_path: Path) -> None:
    def stores() -> Iterator[Store]:
        while True:
            yield SqliteStore(Path(tempfile.mkdtemp(dir=tmp_path), "ledger.db"))

    run(stores(), examples=25)


def test_jobs_in_postgresql_do_what_the_model_does(
    postgres: PostgresServer, shared_ledger: str
) -> None:
    def stores() -> Iterator[Store]:
        while True:
            postgres.empty(shared_ledger)
            yield PostgresStore(postgres, shared_ledger)

    run(stores(), examples=12)
