"""The time that a request spent in its providers: parallel calls count once."""

import asyncio
from contextlib import ExitStack

import pytest

from tintype_gateway.observability import request_meter
from tintype_gateway.observability.request_meter import RequestMeter, current_meter
from tintype_testing.metrics import metric


class Clock:
    """A clock that a test advances."""

    now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(request_meter, "time", clock)
    return clock


def test_calls_in_turn_add_up(clock: Clock) -> None:
    with RequestMeter() as meter:
        for _ in range(2):
            with meter.calling():
                clock.now += 3
            clock.now += 100

    assert (meter.calls, meter.provider_seconds) == (2, 6)


def test_calls_side_by_side_count_once(clock: Clock) -> None:
    with RequestMeter() as meter, ExitStack() as first, ExitStack() as second:
        first.enter_context(meter.calling())
        clock.now += 1
        second.enter_context(meter.calling())
        clock.now += 1
        first.close()
        clock.now += 1
        second.close()

    assert (meter.calls, meter.provider_seconds) == (2, 3)


def test_a_call_that_fails_counts_too(clock: Clock) -> None:
    def fail(meter: RequestMeter) -> None:
        with meter.calling():
            clock.now += 5
            raise ValueError("broken")

    with RequestMeter() as meter, pytest.raises(ValueError, match="broken"):
        fail(meter)

    assert meter.provider_seconds == 5


def test_waits_for_slots_side_by_side_count_once(clock: Clock) -> None:
    with RequestMeter() as meter, ExitStack() as first:
        first.enter_context(meter.queueing())
        clock.now += 1
        with meter.queueing():
            clock.now += 1
        first.close()
        clock.now += 100

    assert (meter.queue_seconds, meter.provider_seconds, meter.calls) == (2, 0, 0)


def test_a_wait_beside_a_call_is_time_of_both_and_counts_once_elsewhere(clock: Clock) -> None:
    with RequestMeter() as meter, ExitStack() as waiting:
        waiting.enter_context(meter.queueing())
        clock.now += 1
        with meter.calling():
            clock.now += 2
            waiting.close()
            clock.now += 4
        clock.now += 100

    assert (meter.queue_seconds, meter.provider_seconds, meter.elsewhere_seconds) == (3, 6, 7)


def test_a_pause_while_a_call_is_counted_makes_no_difference_between_the_times(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def paused() -> float:
        clock.now *= 2
        return clock.now

    monkeypatch.setattr(clock, "perf_counter", paused)
    with RequestMeter() as meter, meter.calling():
        pass

    assert meter.provider_seconds == meter.elsewhere_seconds


def test_the_position_of_a_request_is_the_highest_of_its_calls() -> None:
    with RequestMeter() as meter:
        assert meter.queue_position is None
        for position in (2, 5, 3):
            meter.queued_at(position)

    assert meter.queue_position == 5


async def test_the_tasks_of_a_request_share_its_meter() -> None:
    async def work() -> None:
        with current_meter().calling():
            current_meter().received(10)

    with RequestMeter() as meter:
        await asyncio.gather(work(), work())

    assert (meter.calls, meter.provider_bytes) == (2, 20)


async def test_requests_do_not_share_a_meter() -> None:
    async def request(size: int) -> int:
        with RequestMeter() as meter:
            await asyncio.sleep(0)
            current_meter().received(size)
            await asyncio.sleep(0)
            return meter.provider_bytes

    assert tuple(await asyncio.gather(request(1), request(2))) == (1, 2)


def test_bytes_are_in_flight_until_the_request_ends() -> None:
    before = metric("tintype_provider_bytes_in_flight")
    with RequestMeter() as meter:
        meter.received(700)
        assert metric("tintype_provider_bytes_in_flight") == before + 700

    assert metric("tintype_provider_bytes_in_flight") == before


def test_bytes_passed_on_are_not_in_flight_any_more() -> None:
    before = metric("tintype_provider_bytes_in_flight")
    with RequestMeter() as meter:
        meter.received(100)
        meter.passed_on(90)

        assert metric("tintype_provider_bytes_in_flight") == before + 10

    assert metric("tintype_provider_bytes_in_flight") == before


async def test_bytes_that_arrive_after_the_request_are_not_in_flight() -> None:
    before = metric("tintype_provider_bytes_in_flight")
    has_ended = asyncio.Event()

    async def go_on() -> None:
        await has_ended.wait()
        current_meter().received(700)

    with RequestMeter():
        going_on = asyncio.create_task(go_on())
    has_ended.set()
    await going_on

    assert metric("tintype_provider_bytes_in_flight") == before


def test_bytes_outside_of_requests_are_not_in_flight() -> None:
    before = metric("tintype_provider_bytes_in_flight")

    current_meter().received(700)

    assert metric("tintype_provider_bytes_in_flight") == before
