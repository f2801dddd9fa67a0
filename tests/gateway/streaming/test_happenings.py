"""What the calls of a request bring: one thing at a time, in the order in which it happens."""

import asyncio

import pytest

from tests.gateway.builders import finished_call, job, route
from tests.gateway.pictures import picture
from tintype_gateway.streaming.happenings import Happenings, Make
from tintype_gateway.upstream.transport import Show
from tintype_gateway.values import (
    FailedCall,
    FinishedCall,
    PartialImage,
    PlannedCall,
    Preview,
    UpstreamFault,
)

PREVIEW = Preview(picture())
LONG = 10.0
SHORT = 0.01


def happenings(make: Make, calls: int = 1, partial_images: int = 3) -> Happenings:
    planned = [PlannedCall(first, 1, job()) for first in range(calls)]
    return Happenings(planned, make, partial_images)


async def finishing(planned: PlannedCall, show: Show) -> FinishedCall:
    return finished_call(first=planned.first)


async def waiting(planned: PlannedCall, show: Show) -> FinishedCall:
    await asyncio.Event().wait()
    raise AssertionError


async def test_every_end_is_taken_once() -> None:
    async with happenings(finishing, calls=3) as happening:
        ends = [await happening.take(LONG) for _ in range(3)]

    assert {end.first for end in ends if isinstance(end, FinishedCall)} == {0, 1, 2}
    assert happening.remaining == 0
    assert happening.untaken == []


async def test_a_failure_is_an_end_too() -> None:
    async def failing(planned: PlannedCall, show: Show) -> FailedCall:
        return FailedCall(planned.first, 1, route(), UpstreamFault("timeout", "too late"))

    async with happenings(failing) as happening:
        assert isinstance(await happening.take(LONG), FailedCall)
        assert happening.remaining == 0


async def test_nothing_happens_for_a_while() -> None:
    async with happenings(waiting) as happening:
        assert await happening.take(SHORT) is None
        assert happening.remaining == 1


async def test_previews_are_numbered_and_no_more_than_were_asked_for() -> None:
    async def previewing(planned: PlannedCall, show: Show) -> FinishedCall:
        for _ in range(5):
            await show(PREVIEW)
        return finished_call()

    async with happenings(previewing, partial_images=2) as happening:
        taken = [await happening.take(LONG) for _ in range(3)]

    numbers = [each.number for each in taken if isinstance(each, PartialImage)]
    assert numbers == [0, 1]
    assert isinstance(taken[-1], FinishedCall)


async def test_a_call_waits_until_its_preview_is_taken() -> None:
    shown: list[int] = []

    async def previewing(planned: PlannedCall, show: Show) -> FinishedCall:
        for number in range(3):
            await show(PREVIEW)
            shown.append(number)
        return finished_call()

    async with happenings(previewing) as happening:
        for _ in range(5):
            await asyncio.sleep(0)
        assert shown == [0]

        await happening.take(LONG)
        await happening.take(LONG)
        assert len(shown) <= 2


async def test_a_defect_is_raised_where_it_is_waited_for() -> None:
    async def broken(planned: PlannedCall, show: Show) -> FinishedCall:
        raise ZeroDivisionError

    async with happenings(broken) as happening:
        with pytest.raises(ZeroDivisionError):
            await happening.take(LONG)


async def test_calls_under_way_are_given_up_at_the_end_and_finished_ones_are_known() -> None:
    given_up: list[int] = []

    async def one_of_each(planned: PlannedCall, show: Show) -> FinishedCall:
        if planned.first == 0:
            return finished_call()
        try:
            return await waiting(planned, show)
        except asyncio.CancelledError:
            given_up.append(planned.first)
            raise

    async with happenings(one_of_each, calls=2) as happening:
        for _ in range(5):
            await asyncio.sleep(0)

    assert given_up == [1]
    assert [call.first for call in happening.untaken] == [0]


async def test_a_call_that_is_given_up_does_not_end_well_afterwards() -> None:
    gate = asyncio.Event()

    async def gated(planned: PlannedCall, show: Show) -> FinishedCall:
        await gate.wait()
        return finished_call()

    async with happenings(gated) as happening:
        await happening.stop()
        gate.set()
        await asyncio.sleep(0)

    assert happening.untaken == []
