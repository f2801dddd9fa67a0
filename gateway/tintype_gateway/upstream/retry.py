"""Retries and failover for calls that the provider provably did not process.

A call that the provider may have accepted may have made an image, and images cost money: it is
never repeated. Failover to another route is immediate; a retry on the same route waits.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from tintype_gateway.faults import rule_of
from tintype_gateway.observability.metrics import FAILOVERS, RETRIES, RETRIES_REFUSED
from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.upstream.circuit_breaker import Circuits
from tintype_gateway.upstream.slots import Slots, waiting
from tintype_gateway.values.events import CallEvent, FailedCall, FinishedCall, WaitingForSlot
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.routes import Candidate
from tintype_gateway.values.upstream import PlannedCall

MAX_ATTEMPTS = 3
"""The most attempts of one call, over all of its routes."""

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
"""The pauses of the official OpenAI SDK."""


class RetryBudget:
    """Keeps retries a small part of all calls, so that they do not overload a failing provider.

    Every call earns a part of a retry, and every retry spends a whole one (as in gRPC's retry
    throttling). The savings are bounded, so that a quiet day does not allow a burst of retries.
    """

    def __init__(self, per_call: float = 0.15, savings: float = 10.0) -> None:
        self._per_call = per_call
        self._most = savings
        self._savings = savings

    def earn(self) -> None:
        """Count the first attempt of a call."""
        self._savings = min(self._savings + self._per_call, self._most)

    def spend(self) -> bool:
        """Return whether one retry is allowed, and count it."""
        if self._savings < 1:
            return False
        self._savings -= 1
        return True


def pause_seconds(
    attempt: int, retry_after_seconds: int | None, draw: Callable[[], float] = random.random
) -> float:
    """Return the pause in seconds before a retry on the same route after `attempt` attempts.

    Full jitter: anything up to a bound that doubles, so that clients that failed together do not
    retry together. The provider's own `Retry-After` is the minimum, whatever the bound.
    """
    bound = min(FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
    return (retry_after_seconds or 0) + draw() * bound


Attempt = Callable[[Candidate], AsyncGenerator[CallEvent, None]]
"""Makes a call over a route, and yields its events. Raises UpstreamFault."""


@dataclass(frozen=True)
class Retrier:
    """Makes the attempts of calls, with the state of all routes to providers of this process."""

    circuits: Circuits = field(default_factory=Circuits)
    slots: Slots = field(default_factory=Slots)
    budget: RetryBudget = field(default_factory=RetryBudget)
    draw: Callable[[], float] = random.random
    """Returns random numbers in [0, 1) for the pauses."""

    async def run(
        self,
        planned: PlannedCall,
        candidates: Sequence[Candidate],
        deadline: Deadline,
        attempt: Attempt,
        account: str = "",
    ) -> AsyncGenerator[CallEvent, None]:
        """Yield the events of a call, over several attempts if needed; a FailedCall if all fail.

        The call waits for a slot in the queue of its account, where a binding has a limit. Its
        outcome comes when the slot is free again, as an image may take long to be delivered.
        """
        self.budget.earn()
        failed: list[FailedCall] = []
        candidate: Candidate | None = await self._best(candidates)
        while candidate is not None:
            try:
                with self.slots.place(candidate.route.binding, account) as place:
                    if place is not None:
                        async with aclosing(waiting(place, deadline)) as positions:
                            async for position in positions:
                                yield WaitingForSlot(position)
                    with self.circuits.watched(candidate.route):
                        async with aclosing(attempt(candidate)) as events:
                            async for event in events:
                                if isinstance(event, FinishedCall):
                                    made = event
                                else:
                                    yield event
                                del event  # see transport.call
                yield made
                return
            except UpstreamFault as fault:
                failed.append(FailedCall(planned.first, planned.asked, candidate.route, fault))
            candidate = await self._next_candidate(candidates, failed, deadline)
        yield _failure_to_report(failed)

    async def _next_candidate(
        self, candidates: Sequence[Candidate], failed: Sequence[FailedCall], deadline: Deadline
    ) -> Candidate | None:
        """Return the candidate for the next attempt, or None if the call has failed."""
        over = len(failed) == MAX_ATTEMPTS or not deadline.remaining()
        if over or rule_of(failed[-1].fault).retry == "never":
            return None
        tried = [call.route for call in failed]
        if untried := [candidate for candidate in candidates if candidate.route not in tried]:
            return await self._fail_over(untried, failed[-1])
        return await self._retry(candidates, failed, deadline)

    async def _fail_over(self, untried: Sequence[Candidate], last: FailedCall) -> Candidate | None:
        """Return another candidate. A healthy one costs no retry budget."""
        candidate = await self._best(untried)
        if not (self._is_healthy(candidate) or self._spend_budget(last)):
            return None
        FAILOVERS.labels(last.route.binding.provider, last.fault.kind).inc()
        return candidate

    async def _retry(
        self, candidates: Sequence[Candidate], failed: Sequence[FailedCall], deadline: Deadline
    ) -> Candidate | None:
        """Return the candidate with the shortest pause, after that pause.

        A refused key or a missing model is not retried. A pause that is too long for the client
        ends the call with the provider's fault.
        """
        newest = {str(call.route): call for call in failed if _may_recover(call)}
        if not newest:
            return None
        soonest = min(newest.values(), key=lambda call: call.fault.retry_after_seconds or 0)
        pause = pause_seconds(len(failed), soonest.fault.retry_after_seconds, self.draw)
        patience = min(deadline.remaining(), LONGEST_PAUSE_SECONDS)
        if pause >= patience or not self._spend_budget(soonest):
            return None
        RETRIES.labels(soonest.route.binding.provider, soonest.fault.kind).inc()
        await asyncio.sleep(pause)
        return next(candidate for candidate in candidates if candidate.route == soonest.route)

    def _spend_budget(self, last: FailedCall) -> bool:
        if self.budget.spend():
            return True
        RETRIES_REFUSED.labels(last.route.binding.provider).inc()
        return False

    async def _best(self, candidates: Sequence[Candidate]) -> Candidate:
        """Return the first healthy candidate, or the first one if none is healthy.

        Among healthy candidates of its priority that have a limit of concurrent calls, as it has,
        it is the one with the fewest calls relative to the limit.
        """
        first = next(filter(self._is_healthy, candidates), candidates[0])
        if first.route.binding.max_concurrent_calls is None:
            return first
        alike = [each for each in candidates if _is_alike(each, first) and self._is_healthy(each)]
        bindings = {each.route.binding.name: each.route.binding for each in alike}
        if len(bindings) < 2:
            return first
        loads = await self.slots.loads(list(bindings.values()))
        return min(alike, key=lambda each: loads[each.route.binding.name])

    def _is_healthy(self, candidate: Candidate) -> bool:
        return self.circuits.is_healthy(candidate.route.binding.name, candidate.route.region)


def _is_alike(candidate: Candidate, first: Candidate) -> bool:
    """Return whether the candidate has a limit, and the priority of the first one."""
    binding = candidate.route.binding
    has_limit = binding.max_concurrent_calls is not None
    return has_limit and binding.priority == first.route.binding.priority


def _failure_to_report(failed: Sequence[FailedCall]) -> FailedCall:
    """Return the failure to report: the last one if it is final, else that of the best candidate.

    A client can react to a busy provider, but not to invalid credentials or an invalid catalog.
    """
    if rule_of(failed[-1].fault).retry == "never":
        return failed[-1]
    return next((call for call in failed if rule_of(call.fault).should_retry), failed[0])


def _may_recover(call: FailedCall) -> bool:
    """Return whether the same route may serve the call a little later."""
    return rule_of(call.fault).retry == "any route"
