"""Runs the queued jobs of all accounts, as many at once as the gateway may.

A worker claims jobs when one is queued, and now and then by itself: also those that other gateways
lost. It renews the leases of all of its jobs together. When the gateway drains, it claims no more,
hands back what it has sent nothing for, lets the other jobs finish for a time, and hands back those
of the rest that another gateway can resume. It does not wait for the ledger for ever.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress

from tintype_gateway.jobs.run import JobRun, JobTools
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.jobs import Claimed, JobLimits, JobSignal
from tintype_gateway.observability.metrics import (
    JOB_QUEUE_SECONDS,
    JOBS_CONCURRENCY,
    JOBS_RECOVERED,
    JOBS_RUNNING,
)

POLL_SECONDS = 2.0
"""The time between two looks for jobs without a signal of one."""

RETRY_SECONDS = 1.0
"""The pause before another look, while the ledger is unavailable."""

RENEWED_SECONDS = 5.0
"""How long other gateways have to renew their leases after the ledger was away for longer than
half a lease: until then, what seems lost may not be."""

POSTPONED_SECONDS = 5.0
"""The pause after a job was handed back for want of memory, disk space or an image store."""

KEY_MISSING_SECONDS = 60.0
"""For how long no queued job is claimed of an account after one whose key this gateway lacks: the
next ones of the account will lack it, too, and gateways that have it take them."""

KEEPS_A_PLACE = 8
"""From how many places on a worker keeps one for accounts of which no job runs there."""

ENDING_SECONDS = 20.0
"""How long jobs that are being ended may take, beyond the time to finish, when the worker drains:
results that are being stored, and ends that wait for the ledger."""

log = logging.getLogger(__name__)


class Worker:
    """Runs jobs until it is drained."""

    def __init__(
        self,
        tools: JobTools,
        limits: JobLimits,
        concurrency: int,
        *,
        drain_seconds: float,
        lease_seconds: float,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        """Run at most `concurrency` jobs at once.

        Other gateways may take them over `lease_seconds` after the last renewal.
        """
        self._tools = tools
        self._ledger = tools.pipeline.ledger
        self._limits = limits
        self._concurrency = concurrency
        self._drain_seconds = drain_seconds
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds
        self._claim = f"worker-{uuid.uuid4().hex}"
        self._runs: dict[str, JobRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._renew = asyncio.Event()
        self._stopping = asyncio.Event()
        self._paused_until = float("-inf")
        self._without_key: dict[str, float] = {}
        """Until when no job is claimed of accounts whose key is missing here."""
        self._away_since: float | None = None
        """Since when the ledger is away."""

    def hear(self, signal: JobSignal) -> None:
        """Take note of a signal of the ledger."""
        match signal.kind:
            case "queued":
                self._wake.set()
            case "cancel" if (run := self._runs.get(signal.job_id or "")) is not None:
                run.cancel()
            case "missed":
                self._wake.set()
                self._renew.set()

    def stop(self) -> None:
        """Claim no more jobs, and begin to drain."""
        self._stopping.set()
        self._wake.set()

    @asynccontextmanager
    async def running(self, ready: asyncio.Event) -> AsyncIterator[None]:
        """Run jobs while the block runs, once the gateway is `ready`, and drain at its end.

        If an error ends the block, jobs are left to their leases.
        """
        task = asyncio.create_task(self._run(ready))
        try:
            yield
        except BaseException:
            task.cancel()
            await asyncio.wait([task])
            raise
        self.stop()
        await task

    async def _run(self, ready: asyncio.Event) -> None:
        renewing = asyncio.create_task(self._keep_renewing())
        try:
            await self._work(ready)
        finally:
            renewing.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(renewing, *self._tasks, return_exceptions=True)

    async def _work(self, ready: asyncio.Event) -> None:
        """Claim jobs until `stop`, and then drain."""
        await _first(ready, self._stopping)
        JOBS_CONCURRENCY.set(self._concurrency)
        while not self._stopping.is_set():
            self._wake.clear()
            pause = await self._look()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
        JOBS_CONCURRENCY.set(0)
        await self._drain()

    async def _look(self) -> float:
        """Claim as many jobs as may run, and return for how long to wait for a signal."""
        free = self._concurrency - len(self._runs)
        if free <= 0:
            return self._poll_seconds
        if (pause := self._paused_until - time.monotonic()) > 0:
            return pause
        try:
            await self._wait_for_renewals()
            is_full = await self._claim_and_start(free)
        except LedgerError as error:
            log.warning("jobs not claimed", extra={"error": str(error)})
            self._away_since = self._away_since or time.monotonic()
            return RETRY_SECONDS
        except Exception:  # a defect, which must not end the work for good
            log.exception("unexpected error")
            return RETRY_SECONDS
        return 0 if is_full else self._poll_seconds

    async def _claim_and_start(self, free: int) -> bool:
        """Start jobs in free places, and return whether all of them are taken.

        The last place is for accounts of which no job runs here.
        """
        kept, unreadable = 1 if self._concurrency >= KEEPS_A_PLACE else 0, self._unreadable()
        if free > kept and await self._start_some(free - kept, unreadable) < free - kept:
            return False
        if not kept:
            return True
        running = {run.job.account for run in self._runs.values()}
        return await self._start_some(1, running | unreadable) == 1

    def _unreadable(self) -> set[str]:
        """Return the accounts of which no job is claimed, since their key is missing here."""
        now = time.monotonic()
        self._without_key = {
            account: end for account, end in self._without_key.items() if end > now
        }
        left_now = {run.job.account for run in self._runs.values() if run.lacks_key}
        return left_now | self._without_key.keys()

    async def _start_some(self, most: int, excluding: Collection[str]) -> int:
        claimed = await self._ledger.claim_jobs(
            self._claim,
            most,
            self._lease_seconds,
            self._limits,
            having=tuple(self._runs),
            excluding=tuple(excluding),
        )
        for each in claimed:
            self._start(each)
        return len(claimed)

    async def _wait_for_renewals(self) -> None:
        """After a long outage of the ledger, let all gateways renew their leases first."""
        if self._away_since is None:
            return
        await self._renew_all()
        away, self._away_since = time.monotonic() - self._away_since, None
        if away > self._lease_seconds / 2:
            await asyncio.sleep(min(RENEWED_SECONDS, self._lease_seconds))

    def _start(self, claimed: Claimed) -> None:
        job = claimed.job
        if claimed.mode != "run" or job.attempts > 1:
            JOBS_RECOVERED.labels(claimed.mode).inc()
        elif job.started_at is not None:
            JOB_QUEUE_SECONDS.observe((job.started_at - job.created_at).total_seconds())
        run = self._runs[job.id] = JobRun(self._tools, claimed, self._claim)
        task = run.start()
        self._tasks.add(task)
        JOBS_RUNNING.set(len(self._runs))
        task.add_done_callback(lambda ended: self._ended(run, ended))

    def _ended(self, run: JobRun, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if self._runs.get(run.job.id) is run:
            del self._runs[run.job.id]
        JOBS_RUNNING.set(len(self._runs))
        if run.is_postponed:
            self._paused_until = time.monotonic() + POSTPONED_SECONDS
        if run.lacks_key:
            self._without_key[run.job.account] = time.monotonic() + KEY_MISSING_SECONDS
        self._wake.set()

    async def _keep_renewing(self) -> None:
        """Renew the leases in time, and hear of cancellations whose signal was lost."""
        pause = self._lease_seconds / 3
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._renew.wait()
            self._renew.clear()
            try:
                await self._renew_all()
                pause = self._lease_seconds / 3
            except LedgerError as error:
                log.warning("jobs not renewed", extra={"error": str(error)})
                self._away_since = self._away_since or time.monotonic()
                pause = RETRY_SECONDS
            except Exception:  # a defect, which must not end the leases of all jobs
                log.exception("unexpected error")
                pause = RETRY_SECONDS

    async def _renew_all(self) -> None:
        asked = dict(self._runs)
        if not asked:
            return
        held = await self._ledger.renew_jobs(self._claim, tuple(asked), self._lease_seconds)
        for job_id, run in asked.items():
            if job_id not in held:
                run.lose()
            elif held[job_id]:
                run.cancel()

    async def _drain(self) -> None:
        for run in tuple(self._runs.values()):
            if run.is_untouched:
                run.leave()
        await self._wait(self._drain_seconds)
        for run in tuple(self._runs.values()):
            if not run.is_ending:
                run.leave()
        await self._wait(ENDING_SECONDS)
        for run in tuple(self._runs.values()):
            run.leave()

    async def _wait(self, seconds: float) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of the events is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
