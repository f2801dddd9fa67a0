"""How the calls of a process wait for slots, and what becomes of their places."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from tintype_catalog.catalog import Binding
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.slot_queue import SlotLimits, SlotRequest, SlotResult
from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.upstream import slots
from tintype_gateway.upstream.slot_desk import Place, ProcessSlots, SlotStore
from tintype_gateway.upstream.slots import Slots, least_call_seconds, longest_wait_seconds, waiting
from tintype_gateway.values.faults import UpstreamFault
from tintype_testing.builders import binding
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

GPU = binding(name="gpu", maxConcurrentCalls=1)


class Release(ProcessSlots):
    """The database of a release, which may be away."""

    is_away = False

    @override
    async def exchange_slots(
        self,
        binding: str,
        limits: SlotLimits,
        wanted: Sequence[SlotRequest],
        freed: Collection[str],
    ) -> SlotResult:
        if self.is_away:
            raise LedgerUnavailableError("away")
        return await super().exchange_slots(binding, limits, wanted, freed)

    @override
    async def slot_calls(self, bindings: Collection[str]) -> Mapping[str, int]:
        if self.is_away:
            raise LedgerUnavailableError("away")
        return await super().slot_calls(bindings)


class Process:
    """The calls of one gateway process, by name."""

    def __init__(self, store: SlotStore | None = None) -> None:
        self.slots = Slots(store)
        self._calls: dict[str, AsyncExitStack] = {}

    async def begin(self, call: str, to: Binding = GPU) -> Place:
        """Let a call enter, whose account is the first letter of its name."""
        stack = self._calls[call] = AsyncExitStack()
        place = stack.enter_context(self.slots.place(to, call[0]))
        assert place is not None
        return place

    async def end(self, *calls: str) -> None:
        for call in calls or list(self._calls):
            await self._calls.pop(call).aclose()

    async def close(self) -> None:
        await self.end()
        await self.slots.finish(5)


@pytest.fixture
def release() -> Release:
    return Release()


@pytest.fixture
async def first(release: Release) -> AsyncIterator[Process]:
    process = Process(release)
    yield process
    await process.close()


@pytest.fixture
async def second(release: Release) -> AsyncIterator[Process]:
    process = Process(release)
    yield process
    await process.close()


async def has_waited(place: Place, within_seconds: float = 60) -> list[int]:
    """Wait for the slot, and return the positions that were reported."""
    return [position async for position in waiting(place, Deadline(within_seconds))]


def test_a_binding_without_a_limit_has_no_places(release: Release) -> None:
    with Slots(release).place(binding(), "studio") as place:
        assert place is None


async def test_processes_share_the_slots_of_a_release(first: Process, second: Process) -> None:
    await has_waited(await first.begin("a1"))
    other = await second.begin("b1")
    await eventually(lambda: other.position == 1)

    await first.end("a1")

    await has_waited(other)


async def test_processes_count_by_themselves_where_the_binding_says_so(
    first: Process, second: Process
) -> None:
    own = binding(name="gpu", maxConcurrentCalls=1, concurrencyScope="Process")
    for process in (first, second):
        await has_waited(await process.begin("a1", own))
        place = await process.begin("a2", own)
        await eventually(lambda place=place: place.position == 1)  # type: ignore[misc]


async def test_accounts_take_turns(first: Process) -> None:
    places = {call: await first.begin(call) for call in ("a0", "a1", "a2", "b1")}
    await has_waited(places["a0"])
    await eventually(lambda: places["a2"].position == 3)
    assert (places["b1"].position, places["a1"].position) == (1, 2)


async def test_a_call_that_leaves_the_queue_makes_room(first: Process) -> None:
    places = {call: await first.begin(call) for call in ("a0", "a1", "a2")}
    await eventually(lambda: places["a2"].position == 2)
    await first.end("a1")
    await eventually(lambda: places["a2"].position == 1)


async def test_a_call_is_told_each_change_of_its_position_once(
    first: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "POSITION_SECONDS", 0.01)
    places = {call: await first.begin(call) for call in ("a0", "a1", "a2")}
    await has_waited(places["a0"])
    positions = waiting(places["a2"], Deadline(60))

    assert await anext(positions) == 2
    await first.begin("b1")  # another account, whose turn comes before a second call of the first
    assert await anext(positions) == 3
    await first.end("b1")
    assert await anext(positions) == 2
    await first.end("a1")
    assert await anext(positions) == 1
    await first.end("a0")
    assert [position async for position in positions] == []


async def test_a_full_queue_refuses_a_call_without_a_wait(first: Process) -> None:
    short = binding(name="gpu", maxConcurrentCalls=1, queueLimit=1)
    places = [await first.begin(call, short) for call in ("a0", "a1", "a2")]
    with pytest.raises(UpstreamFault, match="and 1 other calls wait") as caught:
        await has_waited(places[2])
    assert (caught.value.kind, caught.value.retry_after_seconds) == ("busy", 5)


async def test_the_deadline_of_a_request_bounds_its_wait(first: Process) -> None:
    await has_waited(await first.begin("a0"))
    with pytest.raises(UpstreamFault, match="in use") as caught:
        await has_waited(await first.begin("a1"), within_seconds=0.05)
    assert caught.value.kind == "busy"


@given(
    timeout=st.integers(1, 3600),
    patience=st.integers(1, 3600),
    remaining=st.floats(0, 3600, allow_subnormal=False),
)
def test_a_wait_leaves_a_quarter_of_the_time_for_the_call(
    timeout: int, patience: int, remaining: float
) -> None:
    spec = {"timeoutSeconds": timeout, "queueTimeoutSeconds": patience}
    gpu = binding(name="gpu", maxConcurrentCalls=1, **spec)
    wait = longest_wait_seconds(gpu, remaining)

    assert 0 <= wait <= patience
    assert remaining - wait >= min(timeout, remaining) * 0.25 - 1e-6


@pytest.mark.parametrize(
    ("remaining", "wait", "least"),
    [(180, 60, 45), (100, 60, 25), (60, 45, 15), (0, 0, 0)],
    ids=["the whole timeout", "after an attempt", "a nearer deadline", "no time"],
)
def test_the_queue_timeout_counts_where_it_leaves_enough_for_the_call(
    remaining: float, wait: float, least: float
) -> None:
    assert longest_wait_seconds(GPU, remaining) == wait
    assert least_call_seconds(GPU, remaining) == least


async def test_a_wait_ends_while_a_quarter_of_the_time_is_left(first: Process) -> None:
    await has_waited(await first.begin("a0"))
    deadline = Deadline(0.4, lambda: 100.0)  # has all of its time left when it is asked
    with pytest.raises(UpstreamFault, match=r"none was free within 0\.3 s"):
        _ = [position async for position in waiting(await first.begin("a1"), deadline)]


async def test_a_slot_that_comes_too_late_for_the_call_is_given_back(first: Process) -> None:
    timeouts = {"binding": "gpu", "outcome": "timeout"}
    before = metric("tintype_slot_wait_seconds_count", **timeouts)
    await has_waited(await first.begin("a0"))
    clock = iter([100.0, 100.0])
    deadline = Deadline(60, lambda: next(clock, 150.0))  # ten seconds are left when it is asked
    late, next_one = await first.begin("a1"), await first.begin("a2")
    await first.end("a0")

    with pytest.raises(UpstreamFault, match="none was free"):
        _ = [position async for position in waiting(late, deadline)]

    assert late.outcome.result()
    assert metric("tintype_slot_wait_seconds_count", **timeouts) == before + 1
    await first.end("a1")
    await has_waited(next_one)


async def test_the_queue_is_measured(first: Process) -> None:
    waits = {"binding": "gpu", "outcome": "timeout"}
    before = metric("tintype_slot_wait_seconds_count", **waits)
    await has_waited(await first.begin("a0"))
    place = await first.begin("a1")
    with pytest.raises(UpstreamFault):
        await has_waited(place, within_seconds=0.05)
    assert metric("tintype_slot_wait_seconds_count", **waits) == before + 1
    assert metric("tintype_slots_in_use", binding="gpu") == 1
    assert metric("tintype_slots_waiting", binding="gpu") == 1
    assert metric("tintype_slot_queue_position_count", binding="gpu") >= 1


async def test_without_the_database_a_process_counts_its_own_calls(
    first: Process, release: Release
) -> None:
    release.is_away = True
    await has_waited(await first.begin("a0"))
    place = await first.begin("a1")
    await eventually(lambda: place.position == 1)

    await first.end("a0")

    await has_waited(place)
    release.is_away = False


async def test_slots_return_when_the_database_is_back(
    first: Process, second: Process, release: Release
) -> None:
    await has_waited(await first.begin("a0"))
    release.is_away = True
    await first.end("a0")
    release.is_away = False
    await has_waited(await second.begin("b1"))


async def test_loads_are_those_of_the_release_and_of_calls_that_the_store_does_not_know(
    first: Process, second: Process
) -> None:
    wide = binding(name="wide", maxConcurrentCalls=4)
    await has_waited(await first.begin("a0"))
    await has_waited(await second.begin("b0", wide))
    await first.begin("a1", wide)
    assert await first.slots.loads([GPU, wide]) == {"gpu": 1.0, "wide": 0.5}


async def test_loads_without_the_database_are_those_of_the_process(
    first: Process, release: Release
) -> None:
    release.is_away = True
    await has_waited(await first.begin("a0"))
    assert await first.slots.loads([GPU]) == {"gpu": 1.0}
    release.is_away = False


async def test_a_client_that_leaves_frees_its_place(first: Process) -> None:
    places = {call: await first.begin(call) for call in ("a0", "a1")}
    await has_waited(places["a0"])

    async def wait() -> None:
        with first.slots.place(GPU, "b") as place:
            assert place is not None
            await has_waited(place)

    task = asyncio.create_task(wait())
    await eventually(lambda: metric("tintype_slots_waiting", binding="gpu") == 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert metric("tintype_slots_waiting", binding="gpu") == 1
