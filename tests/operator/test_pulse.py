import asyncio

from tintype_operator.pulse import Pulse

LONG = 30.0
"""Seconds that no test waits for, unless it fails."""


async def test_without_a_cause_there_is_no_pulse() -> None:
    assert not await Pulse().wait(0.01)


async def test_causes_before_the_wait_are_not_lost() -> None:
    pulse = Pulse(quiet_seconds=0.01)
    pulse.set()

    assert await pulse.wait(LONG)


async def test_a_lone_cause_does_not_wait_for_others() -> None:
    pulse = Pulse(quiet_seconds=LONG, longest_seconds=LONG, lone_seconds=0.01)
    pulse.set()

    async with asyncio.timeout(LONG / 2):
        assert await pulse.wait(LONG)


async def test_a_cause_soon_after_another_is_no_lone_one() -> None:
    pulse = Pulse(quiet_seconds=LONG, longest_seconds=0.5, lone_seconds=0.01)
    pulse.set()
    assert await pulse.wait(LONG)
    pulse.set()
    waiting = asyncio.create_task(pulse.wait(LONG))

    await asyncio.sleep(0.1)

    assert not waiting.done()
    assert await waiting


async def test_a_burst_is_one_pulse() -> None:
    pulse = Pulse(quiet_seconds=0.5, lone_seconds=0.5)
    waiting = asyncio.create_task(pulse.wait(LONG))
    for _ in range(10):
        await asyncio.sleep(0.01)
        assert not waiting.done()
        pulse.set()

    assert await waiting
    assert not await pulse.wait(0.01)


async def test_a_burst_without_end_is_cut() -> None:
    pulse = Pulse(quiet_seconds=LONG, longest_seconds=0.05, lone_seconds=LONG)
    pulse.set()

    assert await pulse.wait(LONG)
