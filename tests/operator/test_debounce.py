import asyncio

from tintype_operator.watch.debounce import Debounce

LONG = 30.0
"""Seconds that no test waits for, unless it fails."""


async def test_without_a_cause_there_is_no_pulse() -> None:
    assert not await Debounce().wait(0.01)


async def test_causes_before_the_wait_are_not_lost() -> None:
    debounce = Debounce(quiet_seconds=0.01)
    debounce.set()

    assert await debounce.wait(LONG)


async def test_a_lone_cause_does_not_wait_for_others() -> None:
    debounce = Debounce(quiet_seconds=LONG, longest_seconds=LONG, lone_seconds=0.01)
    debounce.set()

    async with asyncio.timeout(LONG / 2):
        assert await debounce.wait(LONG)


async def test_a_cause_soon_after_another_is_no_lone_one() -> None:
    debounce = Debounce(quiet_seconds=LONG, longest_seconds=0.5, lone_seconds=0.01)
    debounce.set()
    assert await debounce.wait(LONG)
    debounce.set()
    waiting = asyncio.create_task(debounce.wait(LONG))

    await asyncio.sleep(0.1)

    assert not waiting.done()
    assert await waiting


async def test_a_burst_is_one_pulse() -> None:
    debounce = Debounce(quiet_seconds=0.5, lone_seconds=0.5)
    waiting = asyncio.create_task(debounce.wait(LONG))
    for _ in range(10):
        await asyncio.sleep(0.01)
        assert not waiting.done()
        debounce.set()

    assert await waiting
    assert not await debounce.wait(0.01)


async def test_a_burst_without_end_is_cut() -> None:
    debounce = Debounce(quiet_seconds=LONG, longest_seconds=0.05, lone_seconds=LONG)
    debounce.set()

    assert await debounce.wait(LONG)
