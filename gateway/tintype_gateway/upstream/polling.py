"""Calls to providers that accept a task, and are polled until it has a result.

A task is submitted once. From then on it may cost money: a poll that fails is followed by another
poll, until the time limit of the call, and never by another submission. The credentials go to the
hosts that the dialect lists, and to that of the call. A task that nobody waits for any more is
cancelled, where the provider can.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter_ns

import aiohttp

from tintype_gateway.dialects.common import retry_after
from tintype_gateway.faults import begun
from tintype_gateway.observability.metrics import PROVIDER_POLLS
from tintype_gateway.observability.spans import propagated
from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.upstream.exchange import respond, whole, with_response
from tintype_gateway.upstream.provider_urls import headers_at, listed_url
from tintype_gateway.upstream.task_cancels import PolledCall, TaskCancels
from tintype_gateway.values.call_journal import KnownTask, TaskJournal
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult
from tintype_gateway.values.tasks import Done, Task, Waiting
from tintype_gateway.values.upstream import ResponseLimits, Timeouts, UpstreamResponse

POLL_SECONDS = 30.0
"""The time limit of one poll. A poll without a response is repeated."""

RESULT_TRIES = 3
"""How often a result at a URL of its own is asked for while there is none. A model's error may have
the status of a server that is busy, and is then final: it is not repeated until the time limit."""

_PASSING = frozenset({408, 425, 429})
"""The statuses below 500 after which another poll may succeed."""


@dataclass(frozen=True)
class Pauses:
    """The pauses before polls, in seconds."""

    first: float = 0.5
    longest: float = 5.0
    growth: float = 1.25

    def before(self, poll: int) -> float:
        """Return the pause before a poll; the first one has the number 0."""
        return min(self.first * self.growth ** min(poll, 100), self.longest)


@dataclass(frozen=True)
class Polling:
    """Makes the calls that are polled, with what those of all requests share."""

    cancels: TaskCancels
    pauses: Pauses = Pauses()

    async def call(
        self,
        call: PolledCall,
        session: aiohttp.ClientSession,
        timeouts: Timeouts,
        deadline: Deadline,
        limits: ResponseLimits,
        journal: TaskJournal,
    ) -> AsyncGenerator[CallResult, None]:
        """Yield the result of a call, whose images may still have to be fetched.

        Its `milliseconds` are the time from the submission to the result.

        Raises:
            UpstreamFault: There is no image. After the provider has accepted the task, the fault is
                none that allows a retry.
        """
        started = perf_counter_ns()
        response = await self._submitted(call, session, timeouts, limits)
        task = _accepted(call, response)
        following = _Following(call, task, session, deadline, self.pauses, limits)
        yield await self._followed(following, response, started, journal)

    async def resume(
        self,
        call: PolledCall,
        known: KnownTask,
        session: aiohttp.ClientSession,
        deadline: Deadline,
        limits: ResponseLimits,
        journal: TaskJournal,
    ) -> AsyncGenerator[CallResult, None]:
        """Yield the result of a task that another process has submitted, by an equal call.

        Nothing is submitted. Its `milliseconds` are the time since the submission, too.

        Raises:
            UpstreamFault: There is no image. The fault is none that allows a retry.
        """
        before = max(datetime.now(UTC) - known.submitted_at, timedelta())
        started = perf_counter_ns() - _nanoseconds(before)
        following = _Following(call, known.task, session, deadline, self.pauses, limits)
        yield await self._followed(following, None, started, journal)

    async def _followed(
        self,
        following: "_Following",
        submitted: UpstreamResponse | None,
        started: int,
        journal: TaskJournal,
    ) -> CallResult:
        """Return the result of a task, with the time since `started`, in nanoseconds.

        `submitted` is the response to the submission; None if another process has it.
        """
        task = following.task
        try:
            if submitted is not None:
                with following.deadline.stopped():  # the journal may wait for the ledger
                    await journal.accepted(task, _moment(started))
            result = await following.result(submitted)
        except UpstreamFault as fault:
            fault.request_id = fault.request_id or task.id
            raise
        finally:
            if not (following.has_ended or journal.leaves_task):
                self.cancels.cancel(following.call, task)
        cost = task.cost_usd if result.cost_usd is None else result.cost_usd
        elapsed = (perf_counter_ns() - started) // 1_000_000
        return result._replace(milliseconds=elapsed, cost_usd=cost)

    async def _submitted(
        self,
        call: PolledCall,
        session: aiohttp.ClientSession,
        timeouts: Timeouts,
        limits: ResponseLimits,
    ) -> UpstreamResponse:
        """Return the response to the submission, which accepts the task.

        If the client leaves meanwhile, the submission goes on for a moment: only its response names
        the task that is to be cancelled.
        """
        submission = asyncio.create_task(_submit(call, session, timeouts, limits))
        try:
            return await asyncio.shield(submission)
        except asyncio.CancelledError:
            self.cancels.cancel_submitted(call, submission)
            raise


def _moment(started: int) -> datetime:
    """Return when the process's own clock, in nanoseconds, was at `started`."""
    return datetime.now(UTC) - timedelta(microseconds=(perf_counter_ns() - started) / 1000)


def _nanoseconds(elapsed: timedelta) -> int:
    return elapsed // timedelta(microseconds=1) * 1000


async def _submit(
    call: PolledCall, session: aiohttp.ClientSession, timeouts: Timeouts, limits: ResponseLimits
) -> UpstreamResponse:
    identifies = call.binding.client_certificate is not None
    response = await respond(
        call.request, session, timeouts, limits, presents_certificate=identifies
    )
    if not _is_good(response):
        raise with_response(response, call.dialect.read_error(response))
    return response


def _accepted(call: PolledCall, response: UpstreamResponse) -> Task:
    try:
        return call.dialect.accepted(response)
    except UpstreamFault as fault:
        raise with_response(response, begun(fault)) from fault


class _Following:
    """Follows one accepted task to its end."""

    def __init__(
        self,
        call: PolledCall,
        task: Task,
        session: aiohttp.ClientSession,
        deadline: Deadline,
        pauses: Pauses,
        limits: ResponseLimits,
    ) -> None:
        self.call = call
        self.task = task
        self.deadline = deadline
        self._session = session
        self._pauses = pauses
        self._limits = limits
        self._failure: str | None = None
        """Why the last poll had no response."""

        self.has_ended = False
        """Whether the provider has said that the task has ended, with a result or without one."""

    async def result(self, submitted: UpstreamResponse | None) -> CallResult:
        """Return the result of the task, which the response to its submission may have already."""
        response = submitted
        progress, polls = self._progress(submitted), 0
        while isinstance(progress, Waiting):
            await self._pause(polls, progress)
            response, polls = await self._get(self.task.status_url), polls + 1
            progress = self._polled(response)
        if progress.result_url is not None:
            response = await self._result_at(progress.result_url)
        assert response is not None  # noqa: S101 - without a response the task is waited for
        return self.call.dialect.interpret(response)

    def _polled(self, response: UpstreamResponse | None) -> Waiting | Done:
        """Return the progress that a poll shows, and count it."""
        outcome = "failed"
        try:
            progress = self._progress(response)
            if response is not None and _is_good(response):
                outcome = "waiting" if isinstance(progress, Waiting) else "done"
            return progress
        except UpstreamFault:
            outcome = "ended" if self.has_ended else "failed"
            raise
        finally:
            PROVIDER_POLLS.labels(self.call.binding.provider, outcome).inc()

    def _progress(self, response: UpstreamResponse | None) -> Waiting | Done:
        """Return how far the task is. A passing failure of the poll tells nothing of it.

        Raises:
            UpstreamFault: The task has ended without a result, or cannot be polled any more.
        """
        if response is None:
            return Waiting()
        if _is_passing(response):
            return Waiting(retry_after(response.headers))
        if not _is_good(response):
            raise self._lost(self.call.dialect.read_error(response), response)
        try:
            progress = self.call.dialect.progress(response, self.task)
        except UpstreamFault as fault:
            self.has_ended = True
            raise with_response(response, begun(fault)) from fault
        self.has_ended = isinstance(progress, Done)
        if isinstance(progress, Waiting) and progress.retry_after_seconds is None:
            return Waiting(retry_after(response.headers))
        return progress

    async def _result_at(self, url: str) -> UpstreamResponse:
        """Return the response that has the result.

        Raises:
            UpstreamFault: It has an error instead, or there is none.
        """
        response = None
        for attempt in range(RESULT_TRIES):
            response = await self._get(url)
            if response is not None and not _is_passing(response):
                break
            if attempt < RESULT_TRIES - 1:
                later = None if response is None else retry_after(response.headers)
                await self._pause(attempt, Waiting(later))
        if response is None:
            message = "the provider made the image, and the gateway cannot fetch the result"
            raise UpstreamFault("outcome_unknown", message, cause=self._failure)
        if not _is_good(response):
            raise with_response(response, begun(self.call.dialect.read_error(response)))
        return response

    async def _pause(self, poll: int, waiting: Waiting) -> None:
        """Wait before a poll: as long as the provider asks for, and else not beyond the time limit.

        Raises:
            UpstreamFault: The time limit comes first.
        """
        remaining, asked = self.deadline.remaining(), waiting.retry_after_seconds or 0
        own = min(self._pauses.before(poll), max(remaining / 2, self._pauses.first))
        pause = max(own, asked)
        if pause >= remaining:
            message = "the provider did not finish the image within the time limit"
            raise UpstreamFault("timeout", message, cause=self._failure)
        await asyncio.sleep(pause)

    async def _get(self, named: str) -> UpstreamResponse | None:
        """Return the response to a GET request with the credentials; None where there is none.

        Raises:
            UpstreamFault: The URL is at another host than the provider's, or the response is too
                large.
        """
        try:
            url = listed_url(named, self.call.request.url, self.call.dialect.API_HOSTS)
        except ValueError as error:
            why = "the provider names an address for the image that is not its own"
            raise UpstreamFault("outcome_unknown", why, cause=str(error)) from error
        seconds = min(POLL_SECONDS, self.deadline.remaining())
        headers = {**headers_at(url, self.call.request), "Accept": "application/json"}
        try:
            async with self._session.get(
                url,
                headers=propagated(headers),
                timeout=aiohttp.ClientTimeout(total=seconds),
                allow_redirects=False,
            ) as response:
                read = await whole(response, self._limits.response_bytes)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._failure = f"the last poll failed: {str(error) or type(error).__name__}"
            return None
        self._failure = f"the last poll had status {read.status}" if read.status >= 300 else None
        return read

    def _lost(self, fault: UpstreamFault, response: UpstreamResponse) -> UpstreamFault:
        """Return the fault of a task that cannot be polled any more. It may still be made."""
        message = "the provider does not say what became of the image"
        cause = f"a poll failed: {fault.cause or fault.message}"
        lost = UpstreamFault("outcome_unknown", message, fault.code, cause=cause)
        return with_response(response, lost)


def _is_good(response: UpstreamResponse) -> bool:
    return 200 <= response.status < 300


def _is_passing(response: UpstreamResponse) -> bool:
    return response.status in _PASSING or response.status >= 500
