"""Jobs as clients ask after them: read, waited for, listed and cancelled.

A job belongs to an account, and every key of the account sees it. For all others it does not exist.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from tintype_gateway.errors import NotFoundError, ledger_unavailable
from tintype_gateway.jobs.changes import JobChanges
from tintype_gateway.ledger.errors import JobNotFoundError, LedgerUnavailableError
from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.ledger.jobs import Job, JobEvent, JobStatus

JOB_ID = re.compile(r"job_[0-9a-f]{32}")

Done = Callable[[Job], Awaitable[bool]]
"""Returns whether a job is what somebody waits for."""


class Jobs:
    """Reads and cancels the jobs of accounts.

    All operations raise `NotFoundError` for a job that the account does not have, and
    `UnavailableError` while the ledger is unavailable.
    """

    def __init__(self, ledger: Ledger, changes: JobChanges) -> None:
        self._ledger = ledger
        self.changes = changes

    async def get(self, account: str, job_id: str) -> Job:
        """Return a job."""
        with _refusals(job_id):
            return await self._ledger.job(account, job_id)

    async def awaited(self, account: str, job_id: str, seconds: float, is_done: Done) -> Job:
        """Return a job as soon as `is_done`, and at the latest as it is after `seconds`.

        Nobody waits in a process that stops.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        with self.changes.of(job_id) as change:
            while True:
                job, remaining = await self.get(account, job_id), until - loop.time()
                if remaining <= 0 or self.changes.is_draining or await is_done(job):
                    return job
                await change.wait(remaining)

    async def events(
        self, account: str, job_id: str, after: int, heartbeat_seconds: float
    ) -> AsyncGenerator[JobEvent | Job | None, None]:
        """Yield the events of a job after a number, as they come, and at last the ended job.

        None stands for `heartbeat_seconds` without an event. In a process that stops, the events
        end without the job.
        """
        loop = asyncio.get_running_loop()
        quiet_since = loop.time()
        with self.changes.of(job_id) as change:
            while not self.changes.is_draining:
                job = await self.get(account, job_id)
                with _refusals(job_id):  # after the job: one that has ended gets no more of them
                    events = await self._ledger.job_events(account, job_id, after)
                for event in events:
                    yield event
                    after, quiet_since = event.number, loop.time()
                if not job.is_live:
                    yield job
                    return
                await change.wait(quiet_since + heartbeat_seconds - loop.time())
                if loop.time() - quiet_since >= heartbeat_seconds:
                    yield None
                    quiet_since = loop.time()

    async def has_events(self, job: Job, after: int) -> bool:
        """Return whether a job has an event after a number."""
        with _refusals(job.id):
            return bool(await self._ledger.job_events(job.account, job.id, after))

    async def page(
        self, account: str, status: JobStatus | None, after: str | None, limit: int
    ) -> tuple[Sequence[Job], bool]:
        """Return jobs, the newest first, and whether there are more."""
        with _refusals(after):
            found = await self._ledger.jobs(account, status, after, limit + 1)
        return found[:limit], len(found) > limit

    async def cancel(self, account: str, job_id: str) -> Job:
        """Cancel a job that is queued, or ask for it if it runs. One that has ended stays.

        A job that was queued still has its payload.
        """
        with _refusals(job_id):
            return await self._ledger.cancel_job(account, job_id)


@contextmanager
def _refusals(job_id: str | None) -> Iterator[None]:
    """Turn errors of the ledger into those of clients. An id of another form names no job."""
    try:
        if job_id is not None and JOB_ID.fullmatch(job_id) is None:
            raise JobNotFoundError
        yield
    except JobNotFoundError as error:
        raise NotFoundError("the account has no such job", code="job_not_found") from error
    except LedgerUnavailableError as error:
        raise ledger_unavailable() from error
