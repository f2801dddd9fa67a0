import asyncio
from collections.abc import Sequence

import pytest

from tintype_operator.watch.debounce import Debounce
from tintype_testing.virtual_time import run_in_virtual_time

LONG = 60.0


async def woken_at(*, triggers: Sequence[float], until: float) -> list[float]:
    """Return the times at which a task that waits in a loop wakes up."""
    loop = asyncio.get_running_loop()
    debounce = Debounce(quiet_seconds=0.25, longest_seconds=2.0, lone_seconds=0.05)
    for at in triggers:
        loop.call_at(at, debounce.trigger)
    woken: list[float] = []
    while loop.time() < until:
        if await debounce.wait(until - loop.time()):
            woken.append(round(loop.time(), 3))
    return woken


@pytest.mark.parametrize(
    ("triggers", "woken"),
    [
        pytest.param([], [], id="without a trigger the task does not wake up"),
        pytest.param([10], [10.05], id="a lone trigger does not wait for others"),
        pytest.param([10, 11], [10.05, 11.25], id="a trigger soon after a burst waits for others"),
        pytest.param([10, 12.05], [10.05, 12.1], id="a trigger long after a burst is a lone one"),
        pytest.param([10, 10.04, 10.2, 10.4], [10.65], id="a burst wakes the task once"),
        pytest.param(
            [10 + 0.04 * number for number in range(100)],
            [12.0, 14.04],
            id="a burst without an end wakes the task after two seconds",
        ),
    ],
)
def test_the_task_wakes_up(triggers: list[float], woken: list[float]) -> None:
    assert run_in_virtual_time(woken_at(triggers=triggers, until=LONG)) == woken


def test_a_trigger_before_the_wait_is_not_lost() -> None:
    async def triggered_before() -> bool:
        debounce = Debounce()
        debounce.trigger()
        return await debounce.wait(LONG)

    assert run_in_virtual_time(triggered_before())
