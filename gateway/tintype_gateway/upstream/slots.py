"""Slots for calls to bindings with `maxConcurrentCalls`, and the wait for them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from tintype_catalog.catalog import Binding
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.observability.metrics import SLOT_WAIT
from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.upstream.slot_desk import Desk, Place, ProcessSlots, SlotStore
from tintype_gateway.values.faults import UpstreamFault

POSITION_SECONDS = 1.0
"""The shortest time between two reports of the position of a call."""

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


async def waiting(place: Place, deadline: Deadline) -> AsyncGenerator[int, None]:
    """Wait for the slot, and yield the position in the queue from time to time if it changes.

    Raises:
        UpstreamFault: The queue is full, or the wait took too long. The gateway sent nothing.
    """
    binding, started, outcome = place.binding, time.perf_counter(), "left"
    patience = Deadline(min(binding.queue_timeout_seconds, deadline.remaining()))
    reported = None
    try:
        while not place.outcome.done():
            if not (pause := min(POSITION_SECONDS, patience.remaining())):
                outcome = "timeout"
                raise _busy(binding, f"none was free in {binding.queue_timeout_seconds} seconds")
            await asyncio.wait([place.outcome], timeout=pause)
            if not place.outcome.done() and place.position not in (None, reported):
                reported = place.position
                yield place.position
        if not place.outcome.result():
            outcome = "full"
            raise _busy(binding, f"{binding.queue_limit} other calls wait for one")
        outcome = "leased"
    finally:
        SLOT_WAIT.labels(binding.name, outcome).observe(time.perf_counter() - started)


def _busy(binding: Binding, why: str) -> UpstreamFault:
    message = f"all {binding.max_concurrent_calls} of its concurrent calls are in use, and {why}"
    return UpstreamFault("busy", message, retry_after_seconds=RETRY_AFTER_SECONDS)
