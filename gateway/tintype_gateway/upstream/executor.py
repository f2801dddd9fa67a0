"""Calls to providers, from our words to pictures that are ready for the client."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tintype_gateway.course import Course
from tintype_gateway.dialects.registry import dialect
from tintype_gateway.images.tools import ImageTools
from tintype_gateway.pipeline.stages.finish import finish, inspect
from tintype_gateway.splice.splice import Splice
from tintype_gateway.upstream.fault_reports import reported
from tintype_gateway.upstream.instrumentation import observe_usage, observed_call, observed_finish
from tintype_gateway.upstream.retry import Attempts
from tintype_gateway.upstream.sessions import Sessions
from tintype_gateway.upstream.translate import translate
from tintype_gateway.upstream.transport import Show, call
from tintype_gateway.values import (
    FailedCall,
    FinishedCall,
    PlannedCall,
    Route,
    Timeouts,
    UpstreamFault,
    Way,
)

Splicing = Callable[[Route], Splice | None]
"""Gives what passes an answer on as it comes by a route, None where it is to be read whole."""


@dataclass(frozen=True)
class ProviderCalls:
    """What all calls share."""

    sessions: Sessions
    images: ImageTools
    attempts: Attempts

    async def make(
        self,
        course: Course,
        planned: PlannedCall,
        show: Show | None = None,
        splicing: Splicing = lambda route: None,
    ) -> FinishedCall | FailedCall:
        """Return the pictures of a call as the client gets them, or why there are none."""
        attempt = partial(self._attempt, course, planned, show, splicing)
        made = await self.attempts.make(planned, course.plan.ways, course.deadline, attempt)
        if isinstance(made, FailedCall):
            return made
        try:
            with observed_finish(made.route), reported(course.plan, made.route):
                return await finish(made, course.plan, self.images)
        except UpstreamFault as fault:
            return FailedCall(made.first, made.asked, made.route, fault)

    async def make_all(
        self, course: Course, planned: Sequence[PlannedCall], splicing: Splicing
    ) -> list[FinishedCall | FailedCall]:
        """Return how calls side by side end. An only one needs no task of its own."""
        making = [self.make(course, each, splicing=splicing) for each in planned]
        return [await making[0]] if len(making) == 1 else await asyncio.gather(*making)

    async def _attempt(
        self,
        course: Course,
        planned: PlannedCall,
        show: Show | None,
        splicing: Splicing,
        way: Way,
    ) -> FinishedCall:
        """Make a call one way.

        Raises:
            UpstreamFault: It gave no picture.
        """
        plan, route = course.plan, way.route
        course.go(planned, route)
        language, splice = dialect(route.binding.dialect), splicing(route)
        with reported(plan, route):
            upstream = translate(planned, way, language)
        with observed_call(plan, route, planned.asked), reported(plan, route):
            timeouts = Timeouts.of(route.binding, course.deadline.remaining())
            session = self.sessions.to(route.binding)
            generation = await call(upstream, language, session, timeouts, show, splice)
            observe_usage(route, generation)
            passed = splice.passed if splice else None
            return await inspect(planned, route, generation, plan, self.images, passed)
