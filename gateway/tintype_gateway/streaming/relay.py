"""The relay of a stream: from what the providers bring to events for the client."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tintype_gateway.course import Course
from tintype_gateway.errors import GatewayError, UnavailableError
from tintype_gateway.faults import error_of, gravest
from tintype_gateway.ledger.interface import Hold
from tintype_gateway.observability.metrics import STREAM_FIRST_EVENT, UNSETTLED_CALLS
from tintype_gateway.pipeline.response_headers import ImageError, image_errors
from tintype_gateway.pipeline.sse_serializer import completed_event, error_event, partial_event
from tintype_gateway.streaming.happenings import Happenings
from tintype_gateway.streaming.till import Till
from tintype_gateway.streaming.uninterrupted import uninterrupted
from tintype_gateway.upstream.sse import PING, Pieces
from tintype_gateway.values import FailedCall, FinishedCall, PartialImage, Plan, Route

PARTIAL, COMPLETED = "partial_image", "completed"
"""What the first event of a stream may be, by the word of the metric."""

Write = Callable[[Pieces], Awaitable[None]]
"""Sends an event, and before the first one the head of the answer. Waits for a slow client."""


@dataclass(frozen=True)
class Stream:
    """An answer as a stream, of which nothing has happened yet."""

    headers: Callable[[], Mapping[str, str]]
    """Returns the headers as they are right when the first event is sent."""

    relay: Callable[[Write], Awaitable[Hold]]
    """Buys the pictures, sends all events, and returns the hold that paid. Raises as `Relay.run`,
    and what taking the hold raises."""


@dataclass
class Relay:
    """One stream, while it is being sent."""

    course: Course
    till: Till
    write: Write
    heartbeat_seconds: float
    """After how long a silence the client gets a sign of life."""

    _failed: list[FailedCall] = field(default_factory=list)
    _started: float = field(default_factory=time.perf_counter)
    _begun: bool = False

    async def run(self, happenings: Happenings) -> None:
        """Send an event for all that happens, until every call has ended.

        Raises:
            GatewayError: Not one picture came, so that nothing is charged.
            ConnectionError: The client left.
        """
        try:
            while happenings.remaining:
                match await happenings.take(self.heartbeat_seconds):
                    case None:
                        await self.write(PING)
                    case PartialImage() as partial:
                        route = self.course.route_of(partial.index)
                        await self._send(partial_event(self.plan, partial), PARTIAL, route)
                    case FinishedCall() as call:
                        await self._deliver(call, is_last=not happenings.remaining)
                    case FailedCall() as failed:
                        self._failed.append(failed)
            await self._conclude()
        except BaseException:
            await uninterrupted(self._end_early(happenings))
            raise

    async def _end_early(self, happenings: Happenings) -> None:
        """Give up what is under way, and charge for what was sent."""
        await happenings.stop()  # before the ledger is waited for: a call that ends now costs
        for call in happenings.untaken:
            UNSETTLED_CALLS.labels(call.route.binding.provider, "undelivered").inc()
        await self.till.close_early()

    async def _deliver(self, call: FinishedCall, *, is_last: bool) -> None:
        """Send the pictures of a call, and an event for each one that was refused."""
        made = len(call.images)
        last = made + call.refused - 1
        for number in range(made + call.refused):
            pictures, ends = min(number + 1, made), is_last and number == last
            charge = await self.till.sell(call, pictures, is_last=ends)
            event = completed_event(self.plan, call, number, charge)
            await self._send(event, COMPLETED, call.route)

    async def _conclude(self) -> None:
        """Say which pictures did not come, after those that did."""
        errors = image_errors(self.till.sold, self._failed)
        if not self.till.sold:
            raise self._error(errors)
        if self.till.is_open:
            await self.till.close()
        if errors:
            error = self._error(errors)
            self.course.facts.update(error=error.code, status=error.status)
            await self.write(error_event(error, errors))

    def _error(self, errors: Sequence[ImageError]) -> GatewayError:
        if self._failed:
            worst = gravest(self._failed)
            return error_of(worst.fault, worst.route)
        return UnavailableError(errors[0]["message"], code=errors[0]["code"])

    @property
    def plan(self) -> Plan:
        """What is being bought."""
        return self.course.plan

    async def _send(self, event: Pieces, kind: str, route: Route) -> None:
        if not self._begun:
            self._begun = True
            seconds = time.perf_counter() - self._started
            STREAM_FIRST_EVENT.labels(route.binding.provider, kind).observe(seconds)
        await self.write(event)
