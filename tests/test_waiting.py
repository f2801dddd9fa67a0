import asyncio
from itertools import count

import pytest

from tintype_testing.waiting import eventually, eventually_blocking, eventually_equal


async def test_a_condition_is_checked_until_it_is_true() -> None:
    checks = count()
    await eventually(lambda: next(checks) == 2)
    assert next(checks) == 3


async def test_a_condition_may_be_asynchronous() -> None:
    checks = count()

    async def third() -> bool:
        await asyncio.sleep(0)
        return next(checks) == 2

    await eventually(third)
    assert next(checks) == 3


async def test_a_condition_that_stays_false_is_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        await eventually(lambda: False, seconds=0.02)


async def test_a_value_that_never_comes_is_reported_with_the_last_one() -> None:
    with pytest.raises(AssertionError, match="expected 503, last seen 200"):
        await eventually_equal(lambda: 200, 503, seconds=0.02)


def test_a_blocking_condition_returns_what_it_found() -> None:
    looks = iter(["", "pod-1"])
    assert eventually_blocking(lambda: next(looks), "a pod") == "pod-1"


def test_a_blocking_condition_that_stays_false_is_named() -> None:
    with pytest.raises(AssertionError, match="never seen: a pod"):
        eventually_blocking(lambda: "", "a pod", seconds=0)
