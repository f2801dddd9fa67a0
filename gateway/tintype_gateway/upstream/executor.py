"""Runs the calls of a plan, and yields one sequence of events for all of them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Container, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from functools import partial

import aiohttp

from tintype_gateway.dialects.base import Dialect
from tintype_gateway.dialects.registry import (
    first_image,
    get_dialect,
    next_image,
    polling_dialect,
)
from tintype_gateway.faults import rule_of
from tintype_gateway.images.container import read_header
from tintype_gateway.observability.metrics import UNSETTLED_CALLS
from tintype_gateway.request_context import RequestContext
from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.runtime.memory_budget import MemoryBudget, bytes_if_read_whole
from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.upstream.fault_reports import report
from tintype_gateway.upstream.fetched_images import fetched
from tintype_gateway.upstream.finish import finish, inspect, needs_finish, stripped
from tintype_gateway.upstream.instrumentation import observe_usage, observed_call, observed_finish
from tintype_gateway.upstream.passthrough import Interruptions, PassThrough
from tintype_gateway.upstream.polling import Polling
from tintype_gateway.upstream.read_sizes import ReadSizes
from tintype_gateway.upstream.retry import Retrier
from tintype_gateway.upstream.sessions import Sessions
from tintype_gateway.upstream.task_cancels import PolledCall
from tintype_gateway.upstream.translate import divide, translate
from tintype_gateway.upstream.transport import call
from tintype_gateway.values.call_journal import KnownTask, TaskJournal
from tintype_gateway.values.events import (
    AbandonedCall,
    CallEvent,
    ExecutorEvent,
    FailedCall,
    FinishedCall,
    Heartbeat,
    ImageStarted,
    PartialImage,
    WaitingForSlot,
)
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import (
    CallResult,
    FinishedImage,
    GeneratedImage,
    PassedThrough,
    PassingImage,
    Preview,
)
from tintype_gateway.values.plan import Delivery, Plan
from tintype_gateway.values.routes import Candidate, Route
from tintype_gateway.values.upstream import PlannedCall, ResponseLimits, Timeouts, UpstreamRequest

Judge = Callable[[RequestContext, FinishedCall], Awaitable[None]]
"""Judges the images of a call before they are stored or delivered; raises an UpstreamFault."""


@dataclass(frozen=True)
class Executor:
    """Makes calls to providers, with the state that all requests share."""

    sessions: Sessions
    images: ImageTools
    retrier: Retrier
    polling: Polling
    memory: MemoryBudget = field(default_factory=MemoryBudget)
    heartbeat_seconds: float = 15.0
    """The time without an event after which a stream gets a heartbeat."""

    limits: ResponseLimits = field(default_factory=ResponseLimits)
    judge: Judge | None = None
    """Judges the images of plans with `checks_images`."""

    read_sizes: ReadSizes = field(default_factory=ReadSizes)
    """Limits what is read at once of each of many responses."""

    def execution(self, context: RequestContext) -> "Execution":
        """Return the calls of a request, which have not started yet."""
        return Execution(self, context)

    def run_call(
        self, context: RequestContext, planned: PlannedCall
    ) -> AsyncGenerator[CallEvent, None]:
        """Yield the events of a call; the last one is a FinishedCall or a FailedCall."""
        known = context.journal.known_task(planned)
        if known is None:
            attempt = partial(self._noted_attempt, context, planned)
            events = self.retrier.run(
                planned, context.plan.candidates, context.deadline, attempt, context.account
            )
        else:
            events = self._resumed(context, planned, known)
        if needs_finish(context.plan) or context.plan.checks_images:
            return self._finishing(context, events)
        return events

    async def _finishing(
        self, context: RequestContext, events: AsyncGenerator[CallEvent, None]
    ) -> AsyncGenerator[CallEvent, None]:
        async with aclosing(events):
            async for event in events:
                yield (
                    await self._finished(context, event)
                    if isinstance(event, FinishedCall)
                    else event
                )
                del event  # see transport.call

    async def _finished(
        self, context: RequestContext, made: FinishedCall
    ) -> FinishedCall | FailedCall:
        try:
            with observed_finish(context.plan, made.route):
                if self.judge is not None and context.plan.checks_images:
                    await self.judge(context, made)
                return await finish(made, context.plan, self.images)
        except UpstreamFault as fault:
            return FailedCall(made.first, made.asked, made.route, fault)

    async def _resumed(
        self, context: RequestContext, planned: PlannedCall, known: KnownTask
    ) -> AsyncGenerator[CallEvent, None]:
        """Poll on a task of another process; the last event is the outcome of its call.

        It is never submitted again, over any route, and takes no slot: its first call has one.
        """
        own = _candidate_of(context.plan, known)
        candidate = own or context.plan.candidates[0]
        try:
            if own is None:
                raise _lost(known)
            with self.retrier.circuits.watched(candidate.route):
                attempt = self._attempt(context, planned, candidate, known)
                async with aclosing(attempt) as events:
                    async for event in events:
                        yield event
        except UpstreamFault as fault:
            yield FailedCall(planned.first, planned.asked, candidate.route, fault)

    def cancel(self, context: RequestContext, planned: PlannedCall, known: KnownTask) -> None:
        """Cancel a task of another process at its provider, if that is possible."""
        candidate = _candidate_of(context.plan, known)
        if candidate is None:
            return
        binding = candidate.route.binding
        dialect = polling_dialect(binding.dialect)
        with suppress(UpstreamFault):  # the credentials are gone
            upstream = translate(planned, candidate, get_dialect(binding.dialect))
            if dialect is not None:
                self.polling.cancels.cancel(PolledCall(upstream, dialect, binding), known.task)

    async def _noted_attempt(
        self, context: RequestContext, planned: PlannedCall, candidate: Candidate
    ) -> AsyncGenerator[CallEvent, None]:
        """Make a call to one candidate, and note it if the provider has made nothing of it."""
        try:
            async with aclosing(self._attempt(context, planned, candidate)) as events:
                async for event in events:
                    yield event
                    del event  # see transport.call
        except UpstreamFault as fault:
            if not (rule_of(fault).may_have_cost or fault.charged):
                await context.journal.made_nothing(planned)
            raise

    async def _attempt(
        self,
        context: RequestContext,
        planned: PlannedCall,
        candidate: Candidate,
        known: KnownTask | None = None,
    ) -> AsyncGenerator[CallEvent, None]:
        """Make a call to one candidate, or poll on the task that another process has submitted.

        Raises:
            UpstreamFault: The call returned no image.
        """
        plan, route = context.plan, candidate.route
        context.go(planned, route)
        dialect, through = (
            get_dialect(route.binding.dialect),
            self._pass_through(context, candidate),
        )
        try:
            upstream = translate(planned, candidate, dialect)
        except UpstreamFault as fault:
            report(fault, plan, route)
            raise
        previews = _Previews(planned, candidate, plan.job.partial_images)
        journal = TaskJournal(context.journal, planned, route, known)
        if known is None:
            with context.deadline.stopped():  # the journal may wait for the ledger
                await context.journal.sending(planned, route)
        with observed_call(plan, route, planned.asked), Interruptions(through), self.read_sizes:
            timeouts = Timeouts.of(route.binding, context.deadline.remaining())
            deadline = Deadline(timeouts.total)
            limits = timeouts, deadline
            async with (
                self.sessions.to(route.binding) as session,
                aclosing(
                    self._events(upstream, dialect, route, session, limits, through, journal)
                ) as events,
            ):
                async for event in events:
                    match event:
                        case CallResult():
                            observe_usage(plan, route, event)
                            event = await self._fetched(context, event, upstream, session, deadline)
                            passed = through.passed if through else ()
                            made = await inspect(planned, route, event, plan, self.images, passed)
                        case PassingImage():
                            passed = through.passed if through else ()
                            yield _started(planned, candidate, event, passed, context)
                        case Preview() if partial_image := previews.numbered(
                            await self._without_text(event, route)
                        ):
                            yield partial_image
                            del partial_image
                    del event  # see transport.call
        yield made

    def _pass_through(self, context: RequestContext, candidate: Candidate) -> PassThrough | None:
        binding = candidate.route.binding
        pattern = first_image(binding)
        if context.plan.delivery is not Delivery.PASS_THROUGH or pattern is None:
            return None
        fall_back = partial(self._fall_back, context)
        grow = partial(self.memory.grow_if_plenty, context.reservation)
        return PassThrough(pattern, context.plan, fall_back, next_image(binding), grow)

    def _events(
        self,
        upstream: UpstreamRequest,
        dialect: Dialect,
        route: Route,
        session: aiohttp.ClientSession,
        limits: tuple[Timeouts, Deadline],
        through: PassThrough | None,
        journal: TaskJournal,
    ) -> AsyncGenerator[Preview | PassingImage | CallResult, None]:
        """Return the events of a call, in the way of its dialect: one response, or many polls."""
        timeouts, deadline = limits
        if (polled := polling_dialect(route.binding.dialect)) is not None:
            polled_call = PolledCall(upstream, polled, route.binding)
            given = deadline, self.limits, journal
            if journal.known is not None:
                return self.polling.resume(polled_call, journal.known, session, *given)
            return self.polling.call(polled_call, session, timeouts, *given)
        identifies = route.binding.client_certificate is not None
        return call(
            upstream,
            dialect,
            session,
            timeouts,
            through,
            self.limits,
            sizes=self.read_sizes,
            presents_certificate=identifies,
        )

    async def _fetched(
        self,
        context: RequestContext,
        result: CallResult,
        request: UpstreamRequest,
        session: aiohttp.ClientSession,
        deadline: Deadline,
    ) -> CallResult:
        """Return a result with the images that the provider named by URLs."""
        if all(image.url is None for image in result.images):
            return result
        if context.plan.delivery is Delivery.PASS_THROUGH:
            await self._fall_back(context, context.plan.passing_images)
        return await fetched(result, request, session, deadline.remaining())

    async def _without_text(self, preview: Preview, route: Route) -> Preview:
        if route.binding.api is None or not route.binding.api.strip_text:
            return preview
        return replace(preview, base64=await stripped(preview.base64, self.images))

    async def _fall_back(self, context: RequestContext, images: int) -> None:
        """Reserve memory for images that cannot pass through and must be read as a whole.

        Raises:
            UpstreamFault: The memory is not free before the deadline. The provider made the image.
        """
        size = bytes_if_read_whole(context.plan, images)
        if not await self.memory.grow(context.reservation, size, context.deadline):
            message = "the gateway has no memory to read the provider's response"
            raise UpstreamFault("outcome_unknown", message)


class Execution:
    """The calls of one request.

    A call does not read on while its last event has not been taken. A slow client therefore slows
    down the providers instead of filling memory.
    """

    def __init__(self, executor: Executor, context: RequestContext) -> None:
        self._executor = executor
        self._context = context
        self.planned: Sequence[PlannedCall] = tuple(divide(context.plan.job, context.plan.model))
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._untaken: list[FinishedCall] = []
        self._abandoned: set[int] = set()

    def events(self) -> AsyncGenerator[ExecutorEvent, None]:
        """Make the calls, and yield their events; the last event of each call is its outcome.

        Closing the generator cancels the calls in progress.
        """
        if len(self.planned) == 1 and not self._context.plan.stream:  # needs no task of its own
            return self._executor.run_call(self._context, self.planned[0])
        return self._side_by_side()

    async def _side_by_side(self) -> AsyncGenerator[ExecutorEvent, None]:
        self._waiting: asyncio.Queue[ExecutorEvent | Exception] = asyncio.Queue(1)
        self._tasks = {
            planned.first: asyncio.create_task(self._follow(planned)) for planned in self.planned
        }
        remaining = len(self.planned)
        try:
            while remaining:
                event = await self._next()
                remaining -= isinstance(event, FinishedCall | FailedCall | AbandonedCall)
                yield event
                del event  # see transport.call
        finally:
            await self._stop()

    def abandon(self, keep: Container[int]) -> None:
        """Cancel the calls in progress, except those whose first image is in `keep`."""
        for first, task in self._tasks.items():
            if first not in keep and not task.done():
                self._abandoned.add(first)
                task.cancel()

    def cancel_known(self) -> None:
        """Cancel the tasks that another process has submitted, in the place of making the calls."""
        for planned in self.planned:
            if (known := self._context.journal.known_task(planned)) is not None:
                self._executor.cancel(self._context, planned, known)

    async def _next(self) -> ExecutorEvent:
        patience = self._executor.heartbeat_seconds if self._context.plan.stream else None
        try:
            async with asyncio.timeout(patience):
                event = await self._waiting.get()
        except TimeoutError:
            return Heartbeat.BEAT
        if isinstance(event, Exception):
            raise event
        if isinstance(event, FinishedCall):
            self._untaken.remove(event)
        return event

    async def _follow(self, planned: PlannedCall) -> None:
        events = self._executor.run_call(self._context, planned)
        try:
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, FinishedCall):
                        self._untaken.append(event)
                    if isinstance(event, WaitingForSlot) and self._waiting.full():
                        continue  # a slow client must not keep the call from its slot
                    await self._waiting.put(event)
                    del event  # see transport.call
        except asyncio.CancelledError:
            if planned.first not in self._abandoned:
                raise
            await self._waiting.put(AbandonedCall(planned.first))
        except (
            Exception
        ) as error:  # a defect: the consumer of this call's events must not wait for ever
            await self._waiting.put(error)

    async def _stop(self) -> None:
        """Cancel the calls in progress, and count the finished ones that the client did not get."""
        self._abandoned.clear()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for made in self._untaken:
            UNSETTLED_CALLS.labels(made.route.binding.provider, "undelivered").inc()


class _Previews:
    """Numbers the previews of one image, and drops those above the requested number."""

    def __init__(self, planned: PlannedCall, candidate: Candidate, most: int) -> None:
        self._index = planned.first
        self._route = candidate.route
        self._most = most
        self._count = 0

    def numbered(self, preview: Preview) -> PartialImage | None:
        """Return a numbered preview, or None for one that is not an image or above the number."""
        if self._count == self._most:
            return None
        try:
            header = read_header(preview.base64)
        except ValueError:
            return None
        number, self._count = self._count, self._count + 1
        return PartialImage(self._index, number, preview, *header, self._route)


def _candidate_of(plan: Plan, known: KnownTask) -> Candidate | None:
    """Return the candidate over which a task was submitted; None if it cannot be polled now."""
    own = (each for each in plan.candidates if known.is_over(each.route))
    candidate = next(own, None)
    if candidate is None or polling_dialect(candidate.route.binding.dialect) is None:
        return None
    return candidate


def _lost(known: KnownTask) -> UpstreamFault:
    message = "the provider that has accepted the call does not serve the model any more"
    return UpstreamFault("outcome_unknown", message, request_id=known.task.id)


def _started(
    planned: PlannedCall,
    candidate: Candidate,
    image: PassingImage,
    passed: Sequence[PassedThrough],
    context: RequestContext,
) -> ImageStarted:
    none = GeneratedImage(b"")
    earlier = [FinishedImage(none, each.format, each.size, each.watermark) for each in passed]
    this = FinishedImage(none, image.format, image.size, context.plan.model.watermark)
    result = CallResult((), milliseconds=image.milliseconds)
    made = FinishedCall(planned.first, planned.asked, candidate.route, result, (*earlier, this))
    return ImageStarted(made, image.pieces, image.longest)
