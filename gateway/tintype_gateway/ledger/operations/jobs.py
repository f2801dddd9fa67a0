"""Jobs: requests that are accepted now and run later (see `ledger.jobs`)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from tintype_gateway.accounts import Caller
from tintype_gateway.holds import HoldRequest, Idempotency, Settlement
from tintype_gateway.ledger.job_signals import JobSignals
from tintype_gateway.ledger.jobs import (
    Claimed,
    Job,
    JobEnd,
    JobEvent,
    JobLimits,
    JobQueueDepth,
    JobStatus,
    NewJob,
)


class JobOperations(Protocol):
    """A part of `Ledger`, which says what all operations have in common."""

    async def check_job_room(
        self, account: str, idempotency: Idempotency | None, limits: JobLimits
    ) -> None:
        """Check that a job of an account could be queued now, before any work is done for it.

        It changes nothing: `submit_job` decides, and may refuse it all the same.

        Raises:
            JobQueueFullError, IdempotentJobError, LedgerError: as `submit_job` would, for its
                idempotency key first, and then for want of room.
        """

    async def submit_job(
        self, caller: Caller, request: HoldRequest, job: NewJob, limits: JobLimits
    ) -> Job:
        """Take the hold of a job, as `hold` does, and queue it.

        The hold's lifetime is that of the job. If the caller is cancelled, or nobody knows whether
        the job was queued, it is cancelled unless it has started.

        Raises:
            JobQueueFullError: the account has as many queued jobs as it may.
            IdempotentJobError: the first request with this idempotency key is the same one, and is
                a job.
            LedgerError: as `hold` does.
        """

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
        """Claim at most `limit` jobs, for nobody else during the lease.

        Those that other workers lost come first: their leases have ended, and something was sent to
        a provider. Lost ones of which nothing was sent are queued again, whatever the limit.

        `claim` is the worker's own name, new for each process. What it is `having` is never lost.
        No queued job starts of the accounts that it is `excluding`.
        """

    async def renew_jobs(
        self, claim: str, ids: Collection[str], lease_seconds: float
    ) -> Mapping[str, bool]:
        """Renew the leases of jobs.

        Returns those that the claim still has, and whether each shall be cancelled.
        """

    async def note_sent(self, job_id: str, claim: str) -> None:
        """Note that a provider may work for the job from now on. Nothing is sent before.

        Notes of one job are made one after another.

        Raises:
            JobLostError: the claim does not have the job any more.
        """

    async def note_tasks(self, job_id: str, claim: str, tasks: bytes) -> None:
        """Note the tasks that providers have accepted, in the place of those noted before.

        Raises:
            JobLostError: the claim does not have the job any more.
        """

    async def add_job_event(self, job_id: str, claim: str, event: JobEvent) -> int:
        """Add an event to the job's stream, and return its number.

        Raises:
            JobLostError: the claim does not have the job any more.
        """

    async def end_job(self, job_id: str, claim: str, end: JobEnd) -> tuple[Job, Settlement | None]:
        """End a job: settle or release its hold, and delete its request.

        A claim that has ended the job before gets what it got then, and changes nothing.

        Raises:
            JobLostError: the claim does not have the job any more. Nothing was charged.
        """

    async def hand_back_job(self, job_id: str, claim: str, *, unsent: bool = False) -> None:
        """Give up a job for another worker, as if its lease had ended.

        One that is `unsent` is queued again, whatever was noted: its providers have made nothing.

        Raises:
            JobLostError: the claim does not have the job any more.
        """

    async def cancel_job(self, account: str, job_id: str) -> Job:
        """Cancel a job that is queued, or ask for it if it runs. One that has ended stays.

        A job that was queued is returned with the request that it had, so that what belongs to it
        elsewhere can be deleted.

        Raises:
            JobNotFoundError: the account has no such job.
        """

    async def job(self, account: str, job_id: str) -> Job:
        """Read a job.

        Raises:
            JobNotFoundError: the account has no such job.
        """

    async def jobs(
        self,
        account: str,
        status: JobStatus | None = None,
        after: str | None = None,
        limit: int = 20,
    ) -> Sequence[Job]:
        """Read jobs of an account, newest first; the next page comes `after` the last id."""

    async def job_events(self, account: str, job_id: str, after: int = 0) -> Sequence[JobEvent]:
        """Read the events of a job after a number, in their order.

        Raises:
            JobNotFoundError: the account has no such job.
        """

    async def fail_overdue_jobs(
        self, most_seconds: float, limit: int, error: Mapping[str, Any]
    ) -> Sequence[Job]:
        """Fail jobs that have been queued for longer, with this error and free of charge.

        They are returned with the requests that they had, so that what belongs to them elsewhere
        can be deleted.
        """

    async def job_queues(self) -> Sequence[JobQueueDepth]:
        """Count the jobs of each model that have not ended."""

    async def expired_jobs(self, limit: int) -> Sequence[Job]:
        """Read jobs whose time after their end is over, in the order of these times."""

    async def forget_jobs(self, ids: Collection[str]) -> None:
        """Delete jobs that have ended, with their events."""

    def job_signals(self) -> JobSignals:
        """Return the signals of jobs, to be entered: of all processes, or of this one (SQLite)."""
