"""Each key is handed out once at a time, when it is due."""

import asyncio

import pytest

from tintype_operator.accounts.queue import WorkQueue

A, B, C = ("ApiKey", "a"), ("ApiKey", "b"), ("Account", "c")


async def next_of(queue: WorkQueue) -> tuple[str, str]:
    async with asyncio.timeout(10):
        return await queue.get()


async def is_idle(queue: WorkQueue) -> bool:
    """Whether nothing is due now, after all other tasks ran."""
    waiting = asyncio.ensure_future(queue.get())
    for _ in range(5):
        await asyncio.sleep(0)
    is_waiting = not waiting.done()
    waiting.cancel()
    return is_waiting


async def test_keys_come_in_the_order_in_which_they_were_added() -> None:
    queue = WorkQueue()
    for key in (A, B, C):
        queue.add(key)

    assert [await next_of(queue) for _ in range(3)] == [A, B, C]


async def test_what_comes_first_overtakes_all_that_waits() -> None:
    queue = WorkQueue()
    queue.add(A)
    queue.add(B)

    queue.add(C, first=True)

    assert await next_of(queue) == C


async def test_a_key_that_waits_already_is_handed_out_once() -> None:
    queue = WorkQueue()
    queue.add(A)
    queue.add(A)
    queue.add(A, first=True)

    assert await next_of(queue) == A
    queue.done(A)
    assert await is_idle(queue)
    assert len(queue) == 0


async def test_a_key_that_is_added_while_it_is_worked_on_is_handed_out_afterwards() -> None:
    queue = WorkQueue()
    queue.add(A)
    assert await next_of(queue) == A

    queue.add(A)

    assert await is_idle(queue)
    queue.done(A)
    assert await next_of(queue) == A


async def test_an_earlier_time_replaces_a_later_one() -> None:
    queue = WorkQueue()
    queue.add_after(A, 3600)
    assert await is_idle(queue)

    queue.add_after(A, 0.01)

    assert await next_of(queue) == A


async def test_a_later_time_replaces_no_earlier_one() -> None:
    queue = WorkQueue()
    queue.add(A)
    queue.add_after(A, 3600)

    assert await next_of(queue) == A


async def test_a_waiting_task_notices_a_key_that_becomes_due() -> None:
    queue = WorkQueue()
    waiting = asyncio.ensure_future(next_of(queue))
    await asyncio.sleep(0)

    queue.add_after(B, 0.02)

    assert await waiting == B


async def test_the_pause_doubles_up_to_a_limit() -> None:
    queue = WorkQueue(first_pause=1, longest_pause=5)

    assert [queue.retry(A) for _ in range(5)] == [1, 2, 4, 5, 5]


async def test_a_success_ends_the_pauses() -> None:
    queue = WorkQueue(first_pause=1)
    queue.retry(A)
    queue.retry(A)

    queue.succeeded(A)

    assert queue.retry(A) == pytest.approx(1)
