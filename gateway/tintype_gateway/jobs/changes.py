"""Wakes the worker, and the requests of this process that wait for a job, when a job changes.

One reader of the ledger's signals serves all of them: with PostgreSQL it is one connection for the
gateway. A signal may be lost, so those that wait also look by themselves, now and then.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.ledger.jobs import JobSignal

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""After how many seconds without a signal those that wait look by themselves."""

MOST_LOOK_SECONDS = 10.0
"""The longest pause between two looks. Pauses grow while a wait is quiet, so that a thousand
clients that wait for long jobs take little CPU time."""

RETRY_SECONDS = 1.0
"""The pause before the signals are read again after the ledger has failed."""

Listener = Callable[[JobSignal], object]


class Change:
    """Tells that something has happened to a job since the last wait."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._pause = LOOK_SECONDS

    def wake(self) -> None:
        """End the current wait, or else the next one at once."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Wait for a change, at most for this time, and no longer than until the next look."""
        pause, self._pause = self._pause, min(2 * self._pause, MOST_LOOK_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(seconds, pause))):
                await self._event.wait()
                self._pause = LOOK_SECONDS
        self._event.clear()


class JobChanges:
    """The changes of all jobs, for one process."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: defaultdict[str, set[Change]] = defaultdict(set)
        self._listeners: list[Listener] = []
        self.is_draining = False
        """Whether the process stops, so that nobody waits any more."""

    @property
    def waiting(self) -> int:
        """The number of requests that wait."""
        return sum(map(len, self._waiting.values()))

    def listen(self, listener: Listener) -> None:
        """Call a function, which must not block, with each signal."""
        self._listeners.append(listener)

    @contextmanager
    def of(self, job_id: str) -> Iterator[Change]:
        """Give the changes of a job to the block: read the job after entering it."""
        change = Change()
        self._waiting[job_id].add(change)
        try:
            yield change
        finally:
            self._waiting[job_id].discard(change)
            if not self._waiting[job_id]:
                del self._waiting[job_id]

    async def follow(self) -> None:
        """Read the signals of the ledger until cancelled."""
        while True:
            try:
                async with self._ledger.job_signals() as signals:
                    while True:
                        for signal in await signals.wait(LOOK_SECONDS):
                            self._tell(signal)
            except LedgerError as error:
                log.warning("signals of jobs not read", extra={"error": str(error)})
            except Exception:  # a defect, which must not end the process
                log.exception("unexpected error")
            await asyncio.sleep(RETRY_SECONDS)

    def drain(self) -> None:
        """Wake everybody, for the last time: clients go on with another gateway."""
        self.is_draining = True
        self._tell(JobSignal("missed"))

    def _tell(self, signal: JobSignal) -> None:
        for listener in self._listeners:
            listener(signal)
        woken = [signal.job_id] if signal.job_id is not None else list(self._waiting)
        for job_id in woken:
            for change in self._waiting.get(job_id, ()):
                change.wake()
