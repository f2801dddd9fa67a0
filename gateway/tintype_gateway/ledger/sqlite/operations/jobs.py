"""The operations of jobs."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from tintype_gateway.accounts import Caller
from tintype_gateway.holds import HoldRequest, Idempotency, Settlement
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.hold_record import HoldRecord
from tintype_gateway.ledger.job_signals import MISSED, JobSignals, SignalQueue
from tintype_gateway.ledger.jobs import (
    JOB_HOLD_SECONDS,
    Claimed,
    Job,
    JobEnd,
    JobEvent,
    JobLimits,
    JobQueueDepth,
    JobSignal,
    JobSignalKind,
    JobStatus,
    NewJob,
)
from tintype_gateway.ledger.sqlite import job_claims, job_ends, jobs
from tintype_gateway.ledger.sqlite.operations.base import SqliteOperations


class SqliteJobs(SqliteOperations):
    """See `JobOperations`. Signals are those of this process."""

    def __init__(self, path: Path, clock: Callable[[], float], busy_timeout_seconds: float) -> None:
        super().__init__(path, clock, busy_timeout_seconds)
        self._listeners: set[SignalQueue] = set()

    async def check_job_room(
        self, account: str, idempotency: Idempotency | None, limits: JobLimits
    ) -> None:
        """See `Ledger`."""
        await self._read(lambda db, now: jobs.check_room(db, now, account, idempotency, limits))

    async def submit_job(
        self, caller: Caller, request: HoldRequest, job: NewJob, limits: JobLimits
    ) -> Job:
        """See `Ledger`."""
        record = HoldRecord(caller, replace(request, lifetime_seconds=JOB_HOLD_SECONDS))
        submitting = self._writer.submit(
            lambda db, now: jobs.submit(db, now, record, job, limits),
            is_quick=True,
            abandon=self._abandon_job,
        )
        try:
            submitted = await submitting
        except asyncio.CancelledError:
            if not submitting.cancelled() and submitting.exception() is None:
                self._abandon_job(submitting.result())  # it was queued just before
            raise
        self._signal("queued", job.id)
        return submitted

    def _abandon_job(self, job: Job) -> None:
        """Cancel a job whose caller does not know of it, unless it has started."""
        with contextlib.suppress(LedgerUnavailableError):
            self._writer.submit(
                lambda db, now: jobs.cancel_queued(db, now, job.id), is_quick=True
            ).add_done_callback(lambda cancelled: cancelled.exception())  # retrieves the exception

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
        """See `Ledger`.

        A power cut that undoes a claim ends its worker as well. What the worker sends to a provider
        comes after a note that lasts, and with it the claim.
        """
        known = having, excluding
        claimed = await self._read(
            lambda db, now: job_claims.claim(db, now, claim, known, limit, lease_seconds, limits)
        )
        for each in claimed:
            self._signal("started", each.job.id)
        return claimed

    async def renew_jobs(
        self, claim: str, ids: Collection[str], lease_seconds: float
    ) -> Mapping[str, bool]:
        """See `Ledger`. A power cut that undoes a renewal ends the worker as well."""
        return await self._read(
            lambda db, now: job_claims.renew(db, now, claim, ids, lease_seconds)
        )

    async def note_sent(self, job_id: str, claim: str) -> None:
        """See `Ledger`."""
        await self._do_quickly(lambda db, _: job_claims.note_sent(db, job_id, claim))

    async def note_tasks(self, job_id: str, claim: str, tasks: bytes) -> None:
        """See `Ledger`."""
        await self._do_quickly(lambda db, _: job_claims.note_tasks(db, job_id, claim, tasks))

    async def add_job_event(self, job_id: str, claim: str, event: JobEvent) -> int:
        """See `Ledger`."""
        number = await self._do_quickly(
            lambda db, _: job_claims.add_event(db, job_id, claim, event)
        )
        self._signal("event", job_id)
        return number

    async def end_job(self, job_id: str, claim: str, end: JobEnd) -> tuple[Job, Settlement | None]:
        """See `Ledger`."""
        ended = await self._do_quickly(lambda db, now: job_ends.end(db, now, job_id, claim, end))
        self._signal("ended", job_id)
        return ended

    async def hand_back_job(self, job_id: str, claim: str, *, unsent: bool = False) -> None:
        """See `Ledger`."""
        await self._do_quickly(
            lambda db, now: job_claims.hand_back(db, now, job_id, claim, unsent=unsent)
        )
        self._signal("queued", job_id)

    async def cancel_job(self, account: str, job_id: str) -> Job:
        """See `Ledger`."""
        cancelled = await self._do_quickly(lambda db, now: jobs.cancel(db, now, account, job_id))
        self._signal("cancel" if cancelled.is_live else "ended", job_id)
        return cancelled

    async def job(self, account: str, job_id: str) -> Job:
        """See `Ledger`."""
        return await self._read(lambda db, _: jobs.read(db, account, job_id))

    async def jobs(
        self,
        account: str,
        status: JobStatus | None = None,
        after: str | None = None,
        limit: int = 20,
    ) -> Sequence[Job]:
        """See `Ledger`."""
        return await self._read(lambda db, _: jobs.read_page(db, account, status, after, limit))

    async def job_events(self, account: str, job_id: str, after: int = 0) -> Sequence[JobEvent]:
        """See `Ledger`."""
        return await self._read(lambda db, _: jobs.read_events(db, account, job_id, after))

    async def fail_overdue_jobs(
        self, most_seconds: float, limit: int, error: Mapping[str, Any]
    ) -> Sequence[Job]:
        """See `Ledger`."""
        failed = await self._do(
            lambda db, now: jobs.fail_overdue(db, now, most_seconds, limit, error)
        )
        for job in failed:
            self._signal("ended", job.id)
        return failed

    async def job_queues(self) -> Sequence[JobQueueDepth]:
        """See `Ledger`."""
        return await self._writer.submit(jobs.depths, is_lasting=False)

    async def expired_jobs(self, limit: int) -> Sequence[Job]:
        """See `Ledger`."""
        return await self._read(lambda db, now: jobs.expired(db, now, limit))

    async def forget_jobs(self, ids: Collection[str]) -> None:
        """See `Ledger`."""
        await self._do(lambda db, _: jobs.forget(db, ids))

    def job_signals(self) -> JobSignals:
        """See `Ledger`."""
        return _Signals(self._listeners)

    def _signal(self, kind: JobSignalKind, job_id: str) -> None:
        for listener in self._listeners:
            listener.put(JobSignal(kind, job_id))


class _Signals:
    """A listener to the operations of this process."""

    def __init__(self, listeners: set[SignalQueue]) -> None:
        self._listeners = listeners
        self._queue = SignalQueue()

    async def __aenter__(self) -> Self:
        self._queue.put(MISSED)
        self._listeners.add(self._queue)
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._listeners.discard(self._queue)

    async def wait(self, timeout_seconds: float) -> Sequence[JobSignal]:
        """See `JobSignals`."""
        return await self._queue.take(timeout_seconds)
