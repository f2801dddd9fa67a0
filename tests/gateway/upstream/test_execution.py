"""What the calls of a request bring: one event at a time, in the order in which it happens."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

import pytest
from typing_extensions import override

from tintype_gateway.observability.request_log import RequestLog
from tintype_gateway.request_context import RequestContext
from tintype_gateway.runtime.memory_budget import Reservation
from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.upstream.executor import Execution, Executor
from tintype_gateway.upstream.retry import Retrier
from tintype_gateway.values.events import (
    AbandonedCall,
    CallEvent,
    ExecutorEvent,
    FailedCall,
    FinishedCall,
    Heartbeat,
    PartialImage,
)
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import Preview
from tintype_gateway.values.plan import Delivery
from tintype_gateway.values.upstream import PlannedCall
from tintype_testing.builders import finished_call, plan, route
from tintype_testing.metrics import metric
from tintype_testing.sample_images import sample_image

Call = Callable[[PlannedCall], AsyncGenerator[CallEvent, None]]


class Scripted(Executor):
    """An executor whose calls bring what a test says."""

    @override
    def run_call(
        self, context: RequestContext, planned: PlannedCall
    ) -> AsyncGenerator[CallEvent, None]:
        return CALLS[id(context)](planned)


CALLS: dict[int, Call] = {}


def execution(
    call: Call,
    calls: int = 1,
    delivery: Delivery = Delivery.EVENT_STREAM,
    heartbeat_seconds: float = 60,
) -> Execution:
    bought = replace(plan(images=calls, streamed=True), delivery=delivery)
    context = RequestContext.begin(bought, "req_1", RequestLog(), Reservation(0))
    CALLS[id(context)] = call
    no_sessions = no_polling = None
    executor = Scripted(
        no_sessions,  # type: ignore[arg-type]
        ImageTools(),
        Retrier(),
        no_polling,  # type: ignore[arg-type]
        heartbeat_seconds=heartbeat_seconds,
    )
    return Execution(executor, context)


async def finishing(planned: PlannedCall) -> AsyncGenerator[CallEvent, None]:
    yield finished_call(first=planned.first)


async def failing(planned: PlannedCall) -> AsyncGenerator[CallEvent, None]:
    yield FailedCall(planned.first, 1, route(), UpstreamFault("timeout", "too late"))


async def waiting(planned: PlannedCall) -> AsyncGenerator[CallEvent, None]:
    await asyncio.Event().wait()
    yield finished_call()


def preview(planned: PlannedCall, number: int) -> PartialImage:
    sent = Preview(sample_image())
    return PartialImage(planned.first, number, sent, "png", finished_call().images[0].size, route())


def undelivered() -> float:
    return metric("tintype_unsettled_upstream_calls_total", provider="openai", reason="undelivered")


@pytest.mark.parametrize("delivery", [Delivery.EVENT_STREAM, Delivery.BUFFERED])
@pytest.mark.parametrize("call", [finishing, failing])
@pytest.mark.parametrize("calls", [1, 3])
async def test_every_call_ends_once(call: Call, calls: int, delivery: Delivery) -> None:
    events = [event async for event in execution(call, calls, delivery).events()]

    assert {event.first for event in events if isinstance(event, FinishedCall | FailedCall)} == set(
        range(calls)
    )
    assert len(events) == calls


async def test_a_stream_in_which_nothing_happens_has_heartbeats() -> None:
    async with aclosing(execution(waiting, heartbeat_seconds=0.01).events()) as events:
        assert [await anext(events) for _ in range(2)] == [Heartbeat.BEAT] * 2


async def test_a_call_waits_until_its_event_is_taken() -> None:
    shown: list[int] = []

    async def previewing(planned: PlannedCall) -> AsyncGenerator[CallEvent, None]:
        for number in range(3):
            shown.append(number)
            yield preview(planned, number)
        yield finished_call()

    async with aclosing(execution(previewing).events()) as events:
        await anext(events)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(shown) <= 3
        assert [event async for event in events][-1] == finished_call()


async def test_a_defect_is_raised_where_it_is_waited_for() -> None:
    async def broken(planned: PlannedCall) -> AsyncGenerator[CallEvent, None]:
        raise ZeroDivisionError
        yield finished_call()

    async with aclosing(execution(broken, calls=2).events()) as events:
        with pytest.raises(ZeroDivisionError):
            await anext(events)


async def test_calls_without_anything_sent_are_cancelled_and_the_others_run_on() -> None:
    gate = asyncio.Event()

    async def previewing(planned: PlannedCall) -> AsyncGenerator[CallEvent, None]:
        if planned.first:
            await asyncio.Event().wait()
        yield preview(planned, 0)
        await gate.wait()
        yield finished_call()

    running = execution(previewing, calls=3)
    seen: list[ExecutorEvent] = []
    async with aclosing(running.events()) as events:
        seen.append(await anext(events))
        running.abandon(keep={0})
        running.abandon(keep={0})
        gate.set()
        seen += [event async for event in events]

    assert isinstance(seen[0], PartialImage)
    assert {event.first for event in seen if isinstance(event, AbandonedCall)} == {1, 2}
    assert [event.first for event in seen if isinstance(event, FinishedCall)] == [0]


async def test_closing_cancels_calls_in_progress_and_counts_undelivered_images() -> None:
    before, cancelled = undelivered(), list[int]()

    async def one_of_each(planned: PlannedCall) -> AsyncGenerator[CallEvent, None]:
        if planned.first == 0:
            yield preview(planned, 0)
        elif planned.first == 1:
            yield finished_call(first=1)
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(planned.first)

    async with aclosing(execution(one_of_each, calls=3).events()) as events:
        await anext(events)
        for _ in range(20):
            await asyncio.sleep(0)

    assert set(cancelled) >= {0, 2}
    assert undelivered() == before + 1
