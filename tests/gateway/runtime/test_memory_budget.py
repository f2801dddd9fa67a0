"""Requests are accepted only while the memory that they may need is free."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.errors import OverloadedError
from tintype_gateway.observability.request_meter import RequestMeter
from tintype_gateway.runtime.memory_budget import (
    BYTES_A_PIXEL,
    LOOK_SECONDS,
    PASSED_ON_BYTES,
    PLENTY,
    TRIM_SECONDS,
    Memory,
    MemoryBudget,
    bytes_reserved,
)
from tintype_gateway.values.plan import Delivery
from tintype_testing.builders import plan
from tintype_testing.metrics import metric

LIMIT = 1000
BUDGET = 850


@pytest.fixture(autouse=True)
def nothing_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what tests that measure no request have left."""
    monkeypatch.setattr(RequestMeter, "bytes_in_flight", 0)


@dataclass
class Machine:
    """A process with its used memory, a clock, and its requests in progress."""

    used: int = 0
    now: float = 0.0
    looks: int = 0
    under_way: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.budget = MemoryBudget(Memory(LIMIT, self._read), lambda: self.now)

    def _read(self) -> int:
        self.looks += 1
        return self.used

    def admits(self, size: int) -> bool:
        try:
            self.under_way.enter_context(self.budget.reserved(size))
        except OverloadedError:
            return False
        return True


def test_the_reservations_of_other_requests_leave_no_room() -> None:
    machine = Machine(used=100)

    assert [machine.admits(300) for _ in range(4)] == [True, True, False, False]
    assert machine.admits(150)


def test_a_rejected_request_gets_a_retry_after() -> None:
    machine = Machine()
    machine.admits(BUDGET)

    with pytest.raises(OverloadedError) as caught, machine.budget.reserved(1):
        pass

    assert caught.value.headers() == {"x-should-retry": "true", "Retry-After": "5"}


def test_a_request_that_has_ended_makes_room_however_it_ended() -> None:
    machine = Machine()
    machine.admits(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), machine.budget.reserved(BUDGET - 1):
            raise ZeroDivisionError


def test_the_only_request_is_always_served() -> None:
    machine = Machine(used=LIMIT)

    assert machine.admits(10 * LIMIT)
    assert not machine.admits(1)


def test_without_a_limit_there_is_always_room() -> None:
    budget = MemoryBudget()
    with budget.reserved(2**60), budget.reserved(2**60):
        pass


@pytest.mark.parametrize(("used", "reason"), [(800, "used"), (0, "reserved")])
def test_rejected_requests_are_counted_by_reason(used: int, reason: str) -> None:
    machine = Machine(used)
    machine.admits(800)
    before = metric("tintype_requests_shed_total", reason=reason)

    assert not machine.admits(100)

    assert metric("tintype_requests_shed_total", reason=reason) == before + 1


def test_bytes_that_have_arrived_are_not_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(used=400)
    machine.admits(400)
    monkeypatch.setattr(RequestMeter, "bytes_in_flight", 400)

    assert machine.admits(400)
    assert not machine.admits(100)


def test_the_used_memory_is_read_a_few_times_a_second() -> None:
    machine = Machine()
    for _ in range(100):
        machine.admits(1)

    assert machine.looks == 1

    machine.now += LOOK_SECONDS
    machine.admits(1)
    assert machine.looks == 2


def test_without_room_unused_memory_is_returned_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine(used=BUDGET)
    trims = []

    def return_kept() -> None:
        trims.append(machine.now)
        machine.used = 0

    monkeypatch.setattr("tintype_gateway.runtime.memory_budget.return_kept", return_kept)
    machine.admits(1)

    assert machine.admits(BUDGET - 1)
    assert [machine.admits(1) for _ in range(3)] == [False] * 3
    machine.now += TRIM_SECONDS
    assert not machine.admits(1)
    assert trims == [0.0, TRIM_SECONDS]


@given(st.lists(st.integers(1, LIMIT), max_size=50), st.integers(0, LIMIT))
def test_together_they_never_get_more_than_there_is(sizes: list[int], used: int) -> None:
    machine = Machine(used)
    admitted = [size for size in sizes if machine.admits(size)]

    assert len(admitted) <= 1 or used + sum(admitted) <= BUDGET
    machine.under_way.close()
    assert metric("tintype_memory_reserved_bytes") == 0


SQUARE = 1024 * 1024 * BYTES_A_PIXEL


@pytest.mark.parametrize(
    ("asked", "delivery", "most"),
    [
        ({}, Delivery.PASS_THROUGH, 0),
        ({}, Delivery.BUFFERED, SQUARE),
        ({"images": 4}, Delivery.PASS_THROUGH, 3 * SQUARE),
        ({"images": 4}, Delivery.STORED, 4 * SQUARE),
        ({"size": SizeChoice(Size(2048, 1024))}, Delivery.EVENT_STREAM, 2 * SQUARE),
        ({"size": SizeChoice()}, Delivery.BUFFERED, 2 * SQUARE),  # the largest of the model
    ],
)
def test_an_image_that_is_read_whole_counts_by_its_pixels(
    asked: dict[str, Any], delivery: Delivery, most: int
) -> None:
    sizes = {"mode": "List", "sizes": ["1024x1024", "2048x1024"]}
    bought = replace(plan(of={"size": sizes}, **asked), delivery=delivery)

    assert bytes_reserved(bought) == PASSED_ON_BYTES + most


def test_images_that_pass_through_need_no_memory_of_their_own() -> None:
    bought = replace(plan(images=4), delivery=Delivery.PASS_THROUGH, passing_images=4)

    assert bytes_reserved(bought) == PASSED_ON_BYTES


async def test_work_that_is_soon_done_waits_for_the_memory_of_other_requests() -> None:
    machine, is_in = Machine(), asyncio.Event()
    assert machine.admits(BUDGET)

    async def work() -> None:
        async with machine.budget.reserved_soon(100, seconds=60):
            is_in.set()

    waiting = asyncio.create_task(work())
    await asyncio.sleep(0)
    assert not is_in.is_set()
    machine.under_way.close()

    await waiting
    assert is_in.is_set()


async def test_it_is_turned_away_after_its_time_and_never_where_it_needs_none() -> None:
    machine = Machine()
    assert machine.admits(BUDGET)

    async with machine.budget.reserved_soon(0, seconds=60):
        pass
    with pytest.raises(OverloadedError):
        async with machine.budget.reserved_soon(1, seconds=0):
            pytest.fail("it was let in")


def test_what_only_saves_time_gets_memory_up_to_half_of_the_budget() -> None:
    machine = Machine(used=100)
    with machine.budget.reserved(100) as reservation:
        room = int(BUDGET * PLENTY) - 200
        grown = [machine.budget.grow_if_plenty(reservation, each) for each in (room + 1, room, 1)]
        assert grown == [False, True, False]
        assert reservation.size == 100 + room

    assert machine.admits(BUDGET - 100)


def test_without_a_limit_there_is_always_plenty() -> None:
    budget = MemoryBudget()
    with budget.reserved(1) as reservation:
        assert budget.has_plenty(2**60)
        assert budget.grow_if_plenty(reservation, 2**60)
