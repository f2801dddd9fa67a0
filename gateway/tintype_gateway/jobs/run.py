"""One claimed job, on its way to its end.

It is run by the parts that serve direct requests: planned anew by the catalog of the moment, at the
prices of its submission, and executed. Its images are stored as they come. In the end the result is
stored, and then the job ends and is charged in one transaction. What happens where that chain
breaks is decided here: the job is handed back, resumed, completed by its result, or given up.
"""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from tintype_gateway.errors import GatewayError, InternalError, OverloadedError, UnavailableError
from tintype_gateway.jobs import failures
from tintype_gateway.jobs.collecting import Collecting
from tintype_gateway.jobs.journal import JobJournal
from tintype_gateway.jobs.output import JobOutput
from tintype_gateway.jobs.patience import persisted
from tintype_gateway.jobs.patient_store import PatientStore
from tintype_gateway.jobs.payload import PayloadError, PayloadKeyError, Payloads, StoredRequest
from tintype_gateway.jobs.planning import JobPlan, plan_job
from tintype_gateway.jobs.sealing import SealError
from tintype_gateway.jobs.stored_results import StoredResults
from tintype_gateway.ledger.errors import JobLostError, LedgerUnavailableError
from tintype_gateway.ledger.interface import Settlement
from tintype_gateway.ledger.jobs import Claimed, Job, JobEnd
from tintype_gateway.observability import spans
from tintype_gateway.observability.metrics import JOBS_ENDED, JOBS_HANDED_BACK
from tintype_gateway.observability.request_log import RequestLog
from tintype_gateway.observability.request_meter import RequestMeter
from tintype_gateway.pipeline.pipeline import Pipeline
from tintype_gateway.pipeline.request_metrics import count_charge
from tintype_gateway.request_context import RequestContext
from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.runtime.memory_budget import Reservation, bytes_reserved
from tintype_gateway.storage.interface import StoreError
from tintype_gateway.upstream.executor import Executor
from tintype_gateway.upstream.translate import divide

MEMORY_SECONDS = 30.0
"""How long a job waits for memory before it is handed back."""

KEPT_AGAIN_SECONDS = 600.0
"""After how long a wait for the ledger the files of a result are kept anew."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobTools:
    """What the jobs of a gateway are run with."""

    pipeline: Pipeline
    executor: Executor
    """Stores images in `store`."""

    payloads: Payloads
    store: PatientStore
    keep_seconds: int
    """How long the output of a job is kept in the store, at least."""

    max_queued_seconds: int
    """After how many seconds a job that is still queued fails, and one that was sent is no longer
    looked for in a store that cannot be read."""

    @property
    def results(self) -> StoredResults:
        """The results of jobs that other gateways have left."""
        return StoredResults(self.store, self.keep_seconds)


class _PostponedError(Exception):
    """The gateway cannot run the job now, and nothing is lost if another one does."""


class _KeyMissingError(Exception):
    """The gateway does not have the key of the job's request, and another one may."""


class JobRun:
    """A job that this gateway has by a claim."""

    def __init__(self, tools: JobTools, claimed: Claimed, claim: str) -> None:
        self._tools = tools
        self._mode = claimed.mode
        self._claim = claim
        self._ledger = tools.pipeline.ledger
        self._log = RequestLog()
        self._journal: JobJournal | None = None
        self._task: asyncio.Task[None] | None = None
        self._calls: Collecting | None = None
        self._is_cancelled = claimed.job.cancel_requested
        self._is_leaving = False
        self._is_ending = False
        self._output: JobOutput | None = None
        self._plan: JobPlan | None = None
        self.job = claimed.job
        self.is_postponed = False
        """Whether it was handed back because this gateway cannot run it now."""
        self.lacks_key = False
        """Whether it was handed back because this gateway does not have its key."""

    def start(self) -> "asyncio.Task[None]":
        """Begin to run the job, and return the task that ends when it is done with it."""
        self._task = asyncio.create_task(self._run())
        return self._task

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was sent, so that another gateway may run it from the start."""
        return not (self._is_ending or self._has_sent or self._mode == "abandoned")

    @property
    def is_ending(self) -> bool:
        """Whether its calls have ended: its result is being stored, or its end written."""
        return self._is_ending

    def cancel(self) -> None:
        """Cancel the job for its client. What the client has had of it is carried to its end."""
        if not self._is_cancelled:
            self._is_cancelled = True
            if self._calls is not None:
                self._calls.cancel()

    def lose(self) -> None:
        """Stop: the claim has ended, and another gateway may have the job."""
        self._stop(is_leaving=False)

    def leave(self) -> None:
        """Stop, and hand the job back if another gateway can carry it on; else give it up."""
        self._stop(is_leaving=True)

    def _stop(self, *, is_leaving: bool) -> None:
        self._is_leaving = is_leaving
        if self._journal is not None:
            self._journal.leave_tasks()
        if self._task is not None and (is_leaving or not self._is_ending):
            self._task.cancel()

    @property
    def _has_sent(self) -> bool:
        return self._journal is not None and self._journal.has_sent

    async def _run(self) -> None:
        extra = {"job": self.job.id, "request_id": self.job.request_id}
        try:
            job = self.job
            span = spans.working(job.operation, job.id, job.trace_parent)
            with RequestMeter(job.request_id), span:
                await self._end(await self._outcome())
        except _PostponedError as reason:
            log.warning("job handed back", extra={**extra, "error": str(reason)})
            self.is_postponed = True
            await self._hand_back()
        except _KeyMissingError as reason:
            log.error("key of a job is missing", extra={**extra, "error": str(reason)})
            self.lacks_key = True
            await self._hand_back()
        except JobLostError:
            log.warning("job lost to another gateway", extra=extra)
        except asyncio.CancelledError:
            if not self._is_leaving:
                raise
            await self._left()
        except Exception:  # a defect, which must not end the process: the lease ends the job
            log.exception("unexpected error", extra=extra)

    async def _outcome(self) -> JobEnd:
        """Return how the job ends, once its images are stored, if there are any."""
        job = self.job
        try:
            self._journal = JobJournal(
                job.id, self._claim, self._ledger, self._tools.payloads.sealing, job.tasks
            )
        except SealError as error:
            log.error("tasks of a job cannot be opened", extra={"job": job.id, "error": str(error)})
        try:
            end = await (self._unbegun() if self._mode == "run" else self._left_behind())
            return end or await self._executed()
        except (OverloadedError, StoreError, LedgerUnavailableError) as error:
            raise _PostponedError(str(error)) from error
        except GatewayError as error:
            return self._failed(error)
        except PayloadError as error:
            return self._unopened(error)
        except (JobLostError, _PostponedError):
            raise
        except Exception:
            log.exception("unexpected error", extra={"job": job.id, "request_id": job.request_id})
            return self._failed(InternalError("an unexpected error occurred; it was logged"))

    async def _unbegun(self) -> JobEnd | None:
        """Return the end of a job for which nothing shall be sent; None if it is to be run.

        Raises:
            StoreError: Its images could not be stored.
        """
        most_seconds = self._tools.max_queued_seconds
        if self._is_cancelled:
            return JobEnd(status="cancelled")
        if self._waited() > most_seconds:
            return self._failed(failures.overdue(most_seconds))
        if failures.is_fatal(self.job):
            return self._failed(failures.abandoned())
        await self._tools.store.require()
        return None

    async def _left_behind(self) -> JobEnd | None:
        """Return the end of a job that another gateway has sent; None if it can be resumed.

        Raises:
            StoreError: It is not known now whether its result is stored.
        """
        if (end := await self._found()) is not None:
            return end
        can_resume = self._journal is not None and self._journal.may_resume
        if can_resume and not failures.is_fatal(self.job):
            return None
        return self._failed(failures.lost())

    async def _found(self) -> JobEnd | None:
        """Return the end of a job whose gateway has stored its result before it ended.

        Raises:
            StoreError: It is not known now whether the result is stored.
        """
        try:
            return await self._tools.results.end(self.job)
        except StoreError as error:
            if self._age(self.job.started_at) <= self._tools.max_queued_seconds:
                raise
            extra = {"job": self.job.id, "error": str(error)}
            log.error("result of a job not looked for any more", extra=extra)
            return None

    def _unopened(self, error: PayloadError) -> JobEnd:
        """Return the end of a job whose request cannot be opened.

        Raises:
            _KeyMissingError: It is queued again, for a gateway that has its key.
        """
        if isinstance(error, PayloadKeyError) and self._mode == "run":
            raise _KeyMissingError(str(error)) from error
        extra = {"job": self.job.id, "error": str(error)}
        log.error("request of a job cannot be opened", extra=extra)
        return self._failed(UnavailableError(f"{error}", code="job_unreadable"))

    def _waited(self) -> float:
        """Return how long the job was queued, in seconds by the clock of the ledger."""
        started, created = self.job.started_at, self.job.created_at
        return 0.0 if started is None else (started - created).total_seconds()

    @staticmethod
    def _age(since: datetime | None) -> float:
        return 0.0 if since is None else (datetime.now(UTC) - since).total_seconds()

    async def _executed(self) -> JobEnd:
        """Run the job, or wait for the tasks that it has at providers."""
        job, payloads = self.job, self._tools.payloads
        assert job.payload is not None  # noqa: S101 - a claimed job has its request
        async with payloads.opened(job.id, job.payload) as request:
            self._plan = planned = await self._planned(request)
            plan = planned.plan
            if not self._opened_journal.fits(divide(plan.job, plan.model)):
                return self._failed(failures.lost())  # the catalog divides it into other calls now
            with self._tools.pipeline.memory.reserved(0) as reservation:
                await self._reserve(reservation, bytes_reserved(plan))
                self._output = output = await self._new_output(planned)
                context = RequestContext.begin(
                    plan, job.request_id, self._log, reservation, self._opened_journal
                )
                execution = self._tools.executor.execution(context)
                self._calls = calls = Collecting(execution, output, self._opened_journal)
                if self._is_cancelled:
                    calls.cancel()
                await calls.run()
                return await self._stored(output, is_cut=calls.is_cut)

    @property
    def _opened_journal(self) -> JobJournal:
        assert self._journal is not None  # noqa: S101 - without one, nothing is run
        return self._journal

    async def _planned(self, request: StoredRequest) -> JobPlan:
        routes = self._opened_journal.routes
        return await plan_job(self._tools.pipeline, self.job, request, self._log, routes)

    async def _reserve(self, reservation: Reservation, size: int) -> None:
        memory = self._tools.pipeline.memory
        if not await memory.grow(reservation, size, Deadline(MEMORY_SECONDS)):
            raise _PostponedError("there is no memory for it")

    async def _new_output(self, planned: JobPlan) -> JobOutput:
        tools = self._tools
        output = JobOutput(
            self.job,
            self._claim,
            planned.plan,
            tools.store,
            self._ledger,
            planned.cost,
            tools.keep_seconds,
            as_url=planned.as_url,
        )
        if self.job.attempts > 1:
            await output.resume()
        return output

    async def _stored(self, output: JobOutput, *, is_cut: bool) -> JobEnd:
        """Return the end of a job whose calls have ended, after storing its result."""
        self._is_ending = True
        error = failures.error_of_calls(output.failed) if output.failed else None
        if not output.calls:
            if is_cut or error is None:
                return JobEnd(status="cancelled")
            return failures.failure(error)
        try:
            result = await output.close(error)
        except StoreError as refused:
            return failures.failure(failures.not_stored(refused))
        return JobEnd(
            status="cancelled" if is_cut else "completed",
            cost=output.cost,
            images=result.images,
            result=result,
        )

    def _failed(self, error: GatewayError) -> JobEnd:
        """Return the end of a job that an error ends, whose calls may be in progress."""
        error.may_have_cost = error.may_have_cost or self._has_sent or self._mode != "run"
        return failures.failure(error)

    async def _end(self, end: JobEnd) -> None:
        self._is_ending = True
        started = time.monotonic()
        ended, settlement = await persisted(
            self.job.id, lambda: self._ledger.end_job(self.job.id, self._claim, end)
        )
        if end.result is not None and time.monotonic() > started + KEPT_AGAIN_SECONDS:
            with suppress(StoreError):
                await self._tools.results.keep(end.result.record)
        JOBS_ENDED.labels(ended.operation, ended.status).inc()
        self._count(settlement)
        self._write(ended)
        if self.job.payload is not None:
            await self._tools.payloads.discard(self.job.id, self.job.payload)

    def _count(self, settlement: Settlement | None) -> None:
        if settlement is not None and self._output is not None and self._plan is not None:
            planned = self._plan
            calls = self._output.calls
            count_charge(planned.plan, calls, settlement, planned.cost, planned.unpaid)

    def _write(self, ended: Job) -> None:
        """Write the line of the job to the log."""
        started = ended.started_at or ended.created_at
        fields: dict[str, object] = {
            **self._log.fields(),
            "job": ended.id,
            "request_id": ended.request_id,
            "account": ended.account,
            "status": ended.status,
            "attempt": ended.attempts,
            "seconds": round((datetime.now(UTC) - started).total_seconds(), 6),
            "cost_micro_credits": ended.charged,
        }
        if ended.error is not None:
            fields["error"] = ended.error["body"]["error"]["code"]
        log.info("job ended", extra=fields)

    async def _left(self) -> None:
        """Hand back a job that this gateway leaves, or end it where that could cost twice."""
        if self._is_ending:
            return  # the gateway that takes it over finds its result, if that was stored
        if self._has_sent and not self._opened_journal.may_resume:
            await self._end(self._failed(failures.lost()))
        else:
            await self._hand_back()

    async def _hand_back(self) -> None:
        try:
            unsent = self._mode == "run" and not self._has_sent
            await self._ledger.hand_back_job(self.job.id, self._claim, unsent=unsent)
            mode = "resume" if self._has_sent else "run"
            JOBS_HANDED_BACK.labels("no_key" if self.lacks_key else mode).inc()
        except (JobLostError, LedgerUnavailableError) as error:  # its lease ends
            extra = {"job": self.job.id, "error": str(error)}
            log.warning("job not handed back", extra=extra)
