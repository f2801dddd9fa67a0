"""Signals of what happens to jobs, for those in this process that wait for it."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol, Self

from tintype_gateway.ledger.jobs import JobSignal

MOST_SIGNALS = 10_000
"""The most signals that wait to be read; beyond that they are one `missed`."""

MISSED = JobSignal("missed")


class JobSignals(Protocol):
    """The signals since it was entered, after a first `missed` one that tells when it listens.

    No signal is certain to come: read the jobs now and then.

    A signal comes after the change that it tells of can be read.
    """

    async def __aenter__(self) -> Self:
        """Begin to listen."""

    async def __aexit__(self, *exception: object) -> None:
        """Stop listening."""

    async def wait(self, timeout_seconds: float) -> Sequence[JobSignal]:
        """Return the signals that no earlier call has returned, as soon as there is one.

        Returns none if there is none in time. A `missed` one says that others were lost.
        """


class SignalQueue:
    """Signals that wait to be read, in one event loop."""

    def __init__(self) -> None:
        self._signals: deque[JobSignal] = deque()
        self._is_waiting = asyncio.Event()

    def put(self, signal: JobSignal) -> None:
        """Add a signal."""
        if len(self._signals) >= MOST_SIGNALS:
            self._signals.clear()
            signal = MISSED
        self._signals.append(signal)
        self._is_waiting.set()

    async def take(self, timeout_seconds: float) -> Sequence[JobSignal]:
        """Return all signals, as soon as there is one; none if there is none in time."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._is_waiting.wait()
        except TimeoutError:
            return ()
        taken = tuple(self._signals)
        self._signals.clear()
        self._is_waiting.clear()
        return taken
