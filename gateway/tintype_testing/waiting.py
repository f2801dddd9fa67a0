"""Waiting for a condition that sets no event: another process, a file or a metric.

`eventually` is for tests that run on an event loop, `eventually_blocking` for those that do not.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

LIMIT_SECONDS = 120.0
"""How long a condition may take unless a test says otherwise; a loaded machine is slow."""

PAUSE_SECONDS = 0.005
BLOCKING_PAUSE_SECONDS = 0.05
"""Between two checks; most blocking conditions start a program such as kubectl."""

Result = TypeVar("Result")


async def eventually(
    condition: Callable[[], bool | Awaitable[bool]], seconds: float = LIMIT_SECONDS
) -> None:
    """Return as soon as the condition is true.

    Raises:
        TimeoutError: It is still false after `seconds`.
    """
    async with asyncio.timeout(seconds):
        while not await _value(condition()):  # noqa: ASYNC110 - there is no event to await
            await asyncio.sleep(PAUSE_SECONDS)


async def eventually_equal(
    look: Callable[[], Any], expected: Any, seconds: float = LIMIT_SECONDS
) -> None:
    """Return as soon as `look`, which may be asynchronous, returns `expected`.

    Raises:
        AssertionError: It still returns something else after `seconds`.
    """
    found: Any = None

    async def is_expected() -> bool:
        nonlocal found
        found = await _value(look())
        return bool(found == expected)

    try:
        await eventually(is_expected, seconds)
    except TimeoutError:
        raise AssertionError(f"expected {expected!r}, last seen {found!r}") from None


def eventually_blocking(
    look: Callable[[], Result],
    what: str,
    seconds: float = LIMIT_SECONDS,
    details: Callable[[], str] = str,
) -> Result:
    """Return what `look` returns as soon as it is true.

    Raises:
        AssertionError: It is still false after `seconds`; the message names `what`, and has the
            details of that moment, such as the log of a process.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"never seen: {what}\n{details()}"
        time.sleep(BLOCKING_PAUSE_SECONDS)
    return found


async def _value(found: Any) -> Any:
    return await found if inspect.isawaitable(found) else found
