"""Asks for the slots of one binding on behalf of all calls of this process.

While calls wait for a binding, one task asks the store about all of them at once. It asks again
when a call arrives or ends, and otherwise often enough that a slot which another gateway frees is
soon in use.

Without a response of the ledger's database, the process counts its own calls only. Refusing them
would fail requests whose credits are held, while each gateway sends no more calls than the limit,
and a server queues calls above its limit itself.
"""

import asyncio
import logging
import math
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from tintype_catalog.catalog import Binding
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.slot_queue import (
    SlotLimits,
    SlotRequest,
    SlotResult,
    Ticket,
    exchange,
)
from tintype_gateway.observability.metrics import SLOT_POSITION, SLOTS_IN_USE, SLOTS_WAITING

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
"""The pause before the next question for the first call of the queue. It grows with the position
of the first call of this process."""

LONGEST_POLL_SECONDS = 1.0
"""The longest pause, well below the lifetime of a waiting ticket."""

LEASE_MARGIN_SECONDS = 1.0
"""The time of a lease beyond the timeout of its call, so that no call outlasts its lease."""


class SlotStore(Protocol):
    """The queues of all bindings: the ledger's, or those of this process."""

    async def exchange_slots(
        self,
        binding: str,
        limits: SlotLimits,
        wanted: Sequence[SlotRequest],
        freed: Collection[str],
    ) -> SlotResult:
        """See `Ledger`."""

    async def slot_calls(self, bindings: Collection[str]) -> Mapping[str, int]:
        """See `Ledger`."""


class ProcessSlots:
    """Queues in the memory of this process."""

    def __init__(self) -> None:
        self._tickets: dict[str, Sequence[Ticket]] = {}

    async def exchange_slots(
        self,
        binding: str,
        limits: SlotLimits,
        wanted: Sequence[SlotRequest],
        freed: Collection[str],
    ) -> SlotResult:
        """See `Ledger`. A lease does not end by time, because its owner is this process."""
        endless = limits._replace(lease_seconds=math.inf)
        tickets = self._tickets.get(binding, ())
        self._tickets[binding], result = exchange(tickets, endless, wanted, freed, time.monotonic())
        return result

    async def slot_calls(self, bindings: Collection[str]) -> Mapping[str, int]:
        """See `Ledger`."""
        return {name: len(self._tickets.get(name, ())) for name in bindings}


class Place:
    """The place of one call: in the queue, and then in a slot."""

    def __init__(self, binding: Binding, account: str) -> None:
        self.binding = binding
        self.request = SlotRequest(str(uuid.uuid4()), account)
        self.position: int | None = None
        """The position in the queue, or None before the first result."""

        self.first_position: int | None = None
        """The position that the call found in the queue, or None if it got its slot at once."""

        self.outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether the call has a slot. It has none if the queue is full."""

    @property
    def limits(self) -> SlotLimits:
        """The limits of its binding."""
        slots, queue = self.binding.max_concurrent_calls, self.binding.queue_limit
        assert slots is not None  # noqa: S101 - only a binding with a limit has places
        return SlotLimits(slots, queue, self.binding.timeout_seconds + LEASE_MARGIN_SECONDS)


class Desk:
    """The calls of this process to one binding."""

    def __init__(self, binding: str, store: SlotStore) -> None:
        self._binding = binding
        self._store = store
        self._waiting: dict[str, Place] = {}
        self._leased: set[str] = set()
        self._freed: set[str] = set()
        self._arrived = asyncio.Event()
        """Set when a call has arrived or ended."""

        self._limits: SlotLimits | None = None
        """The newest limits of the binding, None before the first call."""

        self._is_alone = False
        self.task: asyncio.Task[None] | None = None
        """Asks the store, while there is something to ask or to report."""

    @property
    def own(self) -> int:
        """The number of calls of this process."""
        return len(self._waiting) + len(self._leased)

    @property
    def unsent(self) -> int:
        """The number of calls of this process that the store may not know yet."""
        return sum(place.position is None for place in self._waiting.values())

    def enter(self, place: Place) -> None:
        """Let a call wait for a slot."""
        self._waiting[place.request.id] = place
        self._limits = place.limits
        self._ask()

    def leave(self, place: Place) -> None:
        """Free the slot of a call, or its place in the queue."""
        id = place.request.id
        self._leased.discard(id)
        self._waiting.pop(id, None)
        self._freed.add(id)
        self._ask()

    def _ask(self) -> None:
        self._count()
        self._arrived.set()
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        while self._waiting or self._freed:
            self._arrived.clear()
            await self._exchange()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._arrived.wait()

    def _pause(self) -> float:
        """Return how long to wait for a call before the next question."""
        if not self._waiting:
            return LONGEST_POLL_SECONDS if self._freed else 0.0
        first = min(place.position or 1 for place in self._waiting.values())
        return min(first * POLL_SECONDS, LONGEST_POLL_SECONDS)

    async def _exchange(self) -> None:
        """Ask once, and tell the calls what came of it."""
        places, freed = list(self._waiting.values()), frozenset(self._freed)
        wanted = [place.request for place in places]
        assert self._limits is not None  # noqa: S101 - a call has entered before
        try:
            result = await self._store.exchange_slots(self._binding, self._limits, wanted, freed)
            self._freed -= freed
            self._is_alone = False
        except LedgerUnavailableError as error:
            self._note_outage(error)
            result = self._alone(self._limits, wanted)
        for place in places:
            if place.request.id in self._waiting:
                self._tell(place, result)
        self._count()

    def _tell(self, place: Place, result: SlotResult) -> None:
        id = place.request.id
        if id in result.positions:
            if place.position is None:
                place.first_position = result.positions[id]
                SLOT_POSITION.labels(self._binding).observe(place.first_position)
            place.position = result.positions[id]
            return
        del self._waiting[id]
        if id in result.leased:
            self._leased.add(id)
        place.outcome.set_result(id in result.leased)

    def _alone(self, limits: SlotLimits, wanted: Sequence[SlotRequest]) -> SlotResult:
        """Return the result if there were only the calls of this process."""
        leased = [Ticket(id, "", 0, 0, True, math.inf) for id in self._leased]
        return exchange(leased, limits, wanted, (), 0.0)[1]

    def _note_outage(self, error: LedgerUnavailableError) -> None:
        if not self._is_alone:
            extra = {"binding": self._binding, "error": str(error)}
            log.warning("slots are counted in this process only", extra=extra)
        self._is_alone = True

    def _count(self) -> None:
        SLOTS_IN_USE.labels(self._binding).set(len(self._leased))
        SLOTS_WAITING.labels(self._binding).set(len(self._waiting))
