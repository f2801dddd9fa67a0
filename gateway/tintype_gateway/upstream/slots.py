"""Slots for calls to bindings with `maxConcurrentCalls`, and the wait for them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from tintype_catalog.catalog import Binding
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.observability import spans
from tintype_gateway.observability.metrics import SLOT_WAIT
from tintype_gateway.observability.request_meter import current_meter
from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.upstream.slot_desk import Desk, Place, ProcessSlots, SlotStore
from tintype_gateway.values.faults import UpstreamFault

POSITION_SECONDS = 1.0
"""The shortest time between two reports of the position of a call."""

CALL_SHARE = 0.25
"""The part of its time that a call has left at least when its slot comes."""

RETRY_AFTER_SECONDS = 5
"""When a client may try again whose call got no slot: an image takes seconds to a minute."""

_NO_PLACE: AbstractContextManager[None] = nullcontext()


class Slots:
    """The slots of all bindings, as this process uses them."""

    def __init__(self, shared: SlotStore | None = None) -> None:
        """Count the calls of all processes that use the same store, or those of this process."""
        self._own = ProcessSlots()
        self._shared = shared or self._own
        self._desks: dict[tuple[str, str], Desk] = {}

    def place(self, binding: Binding, account: str) -> AbstractContextManager[Place | None]:
        """Return a context with the place of a call to the binding, or None without a limit.

        Wait for the slot with `waiting`. It is free again when the block ends.
        """
        return _NO_PLACE if binding.max_concurrent_calls is None else self._placed(binding, account)

    async def loads(self, bindings: Collection[Binding]) -> Mapping[str, float]:
        """Return, by name, how many calls each of these bindings has, relative to its limit.

        Calls that wait count too. Bindings without a limit are omitted.
        """
        limits = {each.name: each.max_concurrent_calls for each in bindings}
        calls: dict[str, int] = {}
        for store in {self._store(each) for each in bindings}:
            names = [each.name for each in bindings if self._store(each) is store]
            try:
                calls |= await store.slot_calls(names)
            except LedgerUnavailableError:
                calls |= dict.fromkeys(names, 0)
        desks = {each.name: self._desk(each) for each in bindings}
        return {
            name: max(calls[name] + desks[name].unsent, desks[name].own) / limit
            for name, limit in limits.items()
            if limit is not None
        }

    async def finish(self, seconds: float) -> None:
        """Return the slots of ended calls to the store, for at most this time."""
        tasks = [desk.task for desk in self._desks.values() if desk.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    @contextmanager
    def _placed(self, binding: Binding, account: str) -> Iterator[Place]:
        desk, place = self._desk(binding), Place(binding, account)
        desk.enter(place)
        try:
            yield place
        finally:
            desk.leave(place)

    def _store(self, binding: Binding) -> SlotStore:
        return self._own if binding.concurrency_scope == "Process" else self._shared

    def _desk(self, binding: Binding) -> Desk:
        key = binding.name, binding.concurrency_scope
        if key not in self._desks:
            self._desks[key] = Desk(binding.name, self._store(binding))
        return self._desks[key]


def least_call_seconds(binding: Binding, remaining: float) -> float:
    """Return how much time a call must have left when its slot comes, in seconds.

    A call that has less is likely to time out, after its server has worked for nothing.

    Args:
        binding: The binding of the call.
        remaining: The seconds until the deadline of the request, when the wait begins.
    """
    return CALL_SHARE * min(binding.timeout_seconds, remaining)


def longest_wait_seconds(binding: Binding, remaining: float) -> float:
    """Return how long a call may wait for its slot, in seconds.

    The wait leaves at least `least_call_seconds` for the call.
    """
    left_for_call = least_call_seconds(binding, remaining)
    return min(binding.queue_timeout_seconds, remaining - left_for_call)


async def waiting(place: Place, deadline: Deadline) -> AsyncGenerator[int, None]:
    """Wait for the slot, and yield the position in the queue from time to time if it changes.

    Raises:
        UpstreamFault: The queue is full, or the wait took too long. The gateway sent nothing.
    """
    started, wait = time.perf_counter(), _Wait(place, deadline)
    with spans.stage("queue"), current_meter().queueing():
        try:
            while pause := wait.pause_seconds():
                await asyncio.wait([place.outcome], timeout=pause)
                if (position := wait.news()) is not None:
                    yield position
            wait.end()
        finally:
            seconds = time.perf_counter() - started
            SLOT_WAIT.labels(place.binding.name, wait.outcome).observe(seconds, spans.exemplar())
            if place.first_position is not None:
                current_meter().queued_at(place.first_position)
                spans.queued(place.first_position)


class _Wait:
    """The state of one wait for a slot."""

    def __init__(self, place: Place, deadline: Deadline) -> None:
        remaining = deadline.remaining()
        self._place = place
        self._deadline = deadline
        self._patience_seconds = longest_wait_seconds(place.binding, remaining)
        self._patience = Deadline(self._patience_seconds)
        self._least_seconds = least_call_seconds(place.binding, remaining)
        self._reported: int | None = None
        self.outcome = "left"
        """The value of the metric's label."""

    def pause_seconds(self) -> float:
        """Return how long to wait before the next look, or 0 at the end of the wait."""
        done = self._place.outcome.done()
        return 0.0 if done else min(POSITION_SECONDS, self._patience.remaining())

    def news(self) -> int | None:
        """Return the position in the queue, or None if it is unknown or as last time."""
        place = self._place
        if place.outcome.done() or place.position in (None, self._reported):
            return None
        self._reported = place.position
        return place.position

    def end(self) -> None:
        """End the wait.

        Raises:
            UpstreamFault: The call has no slot, or its slot came too late.
        """
        binding, outcome = self._place.binding, self._place.outcome
        if outcome.done() and not outcome.result():
            self.outcome = "full"
            raise _busy(binding, f"{binding.queue_limit} other calls wait for one")
        if not outcome.done() or self._deadline.remaining() < self._least_seconds:
            self.outcome = "timeout"
            raise _busy(binding, f"none was free within {self._patience_seconds:.3g} s")
        self.outcome = "leased"


def _busy(binding: Binding, why: str) -> UpstreamFault:
    message = f"all {binding.max_concurrent_calls} of its concurrent calls are in use, and {why}"
    return UpstreamFault("busy", message, retry_after_seconds=RETRY_AFTER_SECONDS)
