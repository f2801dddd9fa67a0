"""A client that leaves a stream is noticed by a write, and moments later by whoever cancels us."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.gateway.builders import finished_call, plan, route, settlement
from tintype_gateway.course import Course
from tintype_gateway.ledger.interface import Settlement
from tintype_gateway.streaming.happenings import Happenings
from tintype_gateway.streaming.relay import Relay
from tintype_gateway.streaming.till import Till
from tintype_gateway.streaming.uninterrupted import uninterrupted
from tintype_gateway.upstream.sse import Pieces
from tintype_gateway.upstream.transport import Show
from tintype_gateway.values import FinishedCall, PlannedCall


async def test_cleaning_up_is_not_cut_short_by_being_cancelled() -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await may_end.wait()
        ended.set()

    waiting = asyncio.create_task(uninterrupted(work()))
    await begun.wait()
    waiting.cancel()
    await asyncio.sleep(0)
    may_end.set()
    await waiting

    assert ended.is_set()


async def test_cleaning_up_raises_what_it_raises() -> None:
    async def work() -> None:
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        await uninterrupted(work())


async def test_a_picture_that_was_sent_is_charged_also_if_we_are_cancelled_meanwhile() -> None:
    charged: list[int] = []
    given_up, may_end = asyncio.Event(), asyncio.Event()

    async def make(planned: PlannedCall, show: Show) -> FinishedCall:
        if planned.first == 0:
            return finished_call()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
            await may_end.wait()
        raise AssertionError

    async def settle(calls: Sequence[FinishedCall]) -> Settlement:
        charged.append(len(calls))
        return settlement()

    async def leave(event: Pieces) -> None:
        raise ConnectionError("the client left")

    course = Course.begin(plan(), {})
    planned = [PlannedCall(first, 1, course.plan.job) for first in range(2)]
    for each in planned:
        course.go(each, route())
    relay = Relay(course, Till(lambda calls: 640_000, settle), leave, heartbeat_seconds=10)
    async with Happenings(planned, make, 0) as happenings:
        relaying = asyncio.create_task(relay.run(happenings))
        await given_up.wait()
        relaying.cancel()
        await asyncio.sleep(0)
        may_end.set()
        with pytest.raises(ConnectionError, match="the client left"):
            await relaying

    assert charged == [1]
