"""The operations of jobs."""

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tintype_gateway.accounts import Caller
from tintype_gateway.holds import HoldRequest, Idempotency, Settlement
from tintype_gateway.ledger.hold_record import HoldRecord
from tintype_gateway.ledger.job_signals import JobSignals
from tintype_gateway.ledger.jobs import (
    JOB_HOLD_SECONDS,
    Claimed,
    Job,
    JobEnd,
    JobEvent,
    JobLimits,
    JobQueueDepth,
    JobStatus,
    NewJob,
)
from tintype_gateway.ledger.postgres import job_claims, job_upkeep, jobs
from tintype_gateway.ledger.postgres.batches import Batches
from tintype_gateway.ledger.postgres.job_signals import PostgresSignals
from tintype_gateway.ledger.postgres.operations.base import PostgresOperations


class PostgresJobs(PostgresOperations):
    """See `JobOperations`."""

    def __init__(self, url: str, clock: Callable[[], float] | None, timeout_seconds: float) -> None:
        super().__init__(url, clock, timeout_seconds)
        self._jobs = jobs.Jobs(self._database, self._now)
        self._sent = Batches(self._database, job_claims.NOTE_SENT, lambda: ())
        self._notes = itertools.count(1)

    async def check_job_room(
        self, account: str, idempotency: Idempotency | None, limits: JobLimits
    ) -> None:
        """See `Ledger`."""
        await jobs.check_room(self._database, self._now(), account, idempotency, limits)

    async def submit_job(
        self, caller: Caller, request: HoldRequest, job: NewJob, limits: JobLimits
    ) -> Job:
        """See `Ledger`."""
        record = HoldRecord(caller, replace(request, lifetime_seconds=JOB_HOLD_SECONDS))
        return await self._jobs.submit(record, job, limits)

    async def claim_jobs(
        self,
        claim: str,
        limit: int,
        lease_seconds: float,
        limits: JobLimits,
        *,
        having: Collection[str] = (),
        excluding: Collection[str] = (),
    ) -> Sequence[Claimed]:
        """See `Ledger`."""
        return await job_claims.claim(
            self._database, self._now(), claim, (having, excluding), limit, lease_seconds, limits
        )

    async def renew_jobs(
        self, claim: str, ids: Collection[str], lease_seconds: float
    ) -> Mapping[str, bool]:
        """See `Ledger`."""
        return await job_claims.renew(self._database, self._now(), claim, ids, lease_seconds)

    async def note_sent(self, job_id: str, claim: str) -> None:
        """See `Ledger`."""
        await job_claims.note_sent(self._sent, job_id, claim, next(self._notes))

    async def note_tasks(self, job_id: str, claim: str, tasks: bytes) -> None:
        """See `Ledger`."""
        await job_claims.note_tasks(self._database, job_id, claim, next(self._notes), tasks)

    async def add_job_event(self, job_id: str, claim: str, event: JobEvent) -> int:
        """See `Ledger`."""
        return await job_claims.add_event(self._database, job_id, claim, event)

    async def end_job(self, job_id: str, claim: str, end: JobEnd) -> tuple[Job, Settlement | None]:
        """See `Ledger`."""
        return await self._jobs.end(job_id, claim, end)

    async def hand_back_job(self, job_id: str, claim: str, *, unsent: bool = False) -> None:
        """See `Ledger`."""
        await job_claims.hand_back(self._database, self._now(), job_id, claim, unsent=unsent)

    async def cancel_job(self, account: str, job_id: str) -> Job:
        """See `Ledger`."""
        return await jobs.cancel(self._database, self._now(), account, job_id)

    async def job(self, account: str, job_id: str) -> Job:
        """See `Ledger`."""
        return await jobs.read(self._database, account, job_id)

    async def jobs(
        self,
        account: str,
        status: JobStatus | None = None,
        after: str | None = None,
        limit: int = 20,
    ) -> Sequence[Job]:
        """See `Ledger`."""
        return await jobs.read_page(self._database, account, status, after, limit)

    async def job_events(self, account: str, job_id: str, after: int = 0) -> Sequence[JobEvent]:
        """See `Ledger`."""
        return await jobs.read_events(self._database, account, job_id, after)

    async def fail_overdue_jobs(
        self, most_seconds: float, limit: int, error: Mapping[str, Any]
    ) -> Sequence[Job]:
        """See `Ledger`."""
        return await job_upkeep.fail_overdue(
            self._database, self._now(), most_seconds, limit, error
        )

    async def job_queues(self) -> Sequence[JobQueueDepth]:
        """See `Ledger`."""
        return await job_upkeep.depths(self._database, self._now())

    async def expired_jobs(self, limit: int) -> Sequence[Job]:
        """See `Ledger`."""
        return await job_upkeep.expired(self._database, self._now(), limit)

    async def forget_jobs(self, ids: Collection[str]) -> None:
        """See `Ledger`."""
        await job_upkeep.forget(self._database, ids)

    def job_signals(self) -> JobSignals:
        """See `Ledger`."""
        return PostgresSignals(self._database)
