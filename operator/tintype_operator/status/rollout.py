"""When the gateways are asked: at once after a publication, and now and then for ever."""

import asyncio
import time

from tintype_operator.metrics import GATEWAYS
from tintype_operator.status.gateways import NOTHING, Gateways, acknowledged

SETTLE_SECONDS = 1.0
"""How long a new catalog may take to be served before anybody is told to wait for it.

Gateways that watch it take milliseconds, so that one write of a status tells everything.
"""

PATIENCE_SECONDS = 15.0
"""How long after its start the operator waits for gateways that start with it, before it tells
every object that there are none."""

FASTEST_SECONDS = 0.1
SLOWEST_WAITING_SECONDS = 5.0
"""Between two questions while objects wait; each pause is twice the one before."""

IDLE_SECONDS = 30.0
"""Between two questions while nobody waits for the answer."""

PROGRESS_SECONDS = 60.0
"""The least time between two reports of mere progress: each costs a write for each object."""


class Rollout:
    """The newest answers of the gateways, and the time of the next question."""

    def __init__(self, gateways: Gateways) -> None:
        """Take the gateways to ask; nobody is asked yet."""
        self._gateways = gateways
        self._sequence = 0
        self._pause = FASTEST_SECONDS
        self._next_at = 0.0
        self._reported_at = 0.0
        self._reported: tuple[int, ...] | None = None
        self._patient_until = time.monotonic() + (PATIENCE_SECONDS if gateways.expected else 0)
        self.sequences: tuple[int, ...] = ()

    async def settle(self, sequence: int) -> None:
        """Ask whether the catalog of this sequence is served, and wait a moment if it is new.

        Raises:
            KubernetesError: The gateways could not be found.
        """
        new, self._sequence = sequence != self._sequence, sequence
        deadline = time.monotonic() + (SETTLE_SECONDS if new else 0)
        await self._ask()
        while self.sequences and not self._all_serve_it() and time.monotonic() < deadline:
            await asyncio.sleep(FASTEST_SECONDS)
            await self._ask()

    async def is_news(self) -> bool:
        """Ask, and return whether the answers are worth a report.

        Raises:
            KubernetesError: The gateways could not be found.
        """
        await self._ask()
        if self._reported is None:
            return self.is_settled()
        if sorted(self.sequences) == sorted(self._reported):
            return False
        other_gateways = len(self.sequences) != len(self._reported)
        long_ago = time.monotonic() >= self._reported_at + PROGRESS_SECONDS
        return self._all_serve_it() or other_gateways or long_ago

    def is_settled(self) -> bool:
        """Return whether the answers are worth a first report, or none better can be waited for."""
        is_served = bool(self.sequences) and self._all_serve_it()
        return is_served or self._reported is not None or time.monotonic() >= self._patient_until

    def reported(self, *, waiting: bool) -> None:
        """Note that everybody was told the newest answers, and whether objects still wait."""
        self._reported, self._reported_at = self.sequences, time.monotonic()
        self._pause = FASTEST_SECONDS if waiting else IDLE_SECONDS
        self._next_at = time.monotonic() + self._pause

    def seconds_left(self) -> float:
        """Return how long it is until the next question."""
        return max(0.0, self._next_at - time.monotonic())

    async def _ask(self) -> None:
        self.sequences = await self._gateways.sequences()
        acked = acknowledged(self.sequences, self._sequence)
        unreachable = self.sequences.count(NOTHING)
        GATEWAYS.labels("acked").set(acked)
        GATEWAYS.labels("unreachable").set(unreachable)
        GATEWAYS.labels("stale").set(len(self.sequences) - acked - unreachable)
        if self._pause < IDLE_SECONDS:
            self._pause = min(2 * self._pause, SLOWEST_WAITING_SECONDS)
        self._next_at = time.monotonic() + self._pause

    def _all_serve_it(self) -> bool:
        return acknowledged(self.sequences, self._sequence) == len(self.sequences)
