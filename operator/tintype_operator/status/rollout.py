"""How far the gateways are with the newest catalog, and when to query them for it."""

import asyncio
import time

from tintype_operator.metrics import GATEWAYS
from tintype_operator.status.gateways import NO_CATALOG, Gateways, acknowledged

SETTLE_SECONDS = 1.0
"""How long to wait for the gateways to serve a new catalog before the statuses say `Pending`.

Gateways that watch the ConfigMap take milliseconds, so one write of each status is enough.
"""

STARTUP_GRACE_SECONDS = 15.0
"""How long after its start the operator waits for gateways that start at the same time, before it
reports that there are none."""

FASTEST_SECONDS = 0.1
SLOWEST_WAITING_SECONDS = 5.0
"""The first and the longest pause between two queries while objects are pending; each pause is
twice as long as the one before."""

IDLE_SECONDS = 30.0
"""The pause between two queries while no object is pending."""

PROGRESS_SECONDS = 60.0
"""The least time between two reports of mere progress: each report writes every pending object."""


class Rollout:
    """The sequences that the gateways serve, and the time of the next query."""

    def __init__(
        self,
        gateways: Gateways,
        *,
        settle_seconds: float = SETTLE_SECONDS,
        startup_grace_seconds: float = STARTUP_GRACE_SECONDS,
    ) -> None:
        """Start without a query."""
        self._gateways = gateways
        self._settle_seconds = settle_seconds
        self._sequence = 0
        self._pause = FASTEST_SECONDS
        self._next_at = 0.0
        self._reported_at = 0.0
        self._reported: tuple[int, ...] | None = None
        self._grace_until = time.monotonic() + (startup_grace_seconds if gateways.expected else 0)
        self.sequences: tuple[int, ...] = ()

    async def wait_until_served(self, sequence: int) -> None:
        """Query whether all gateways serve a sequence; for a new one, wait a moment until they do.

        Raises:
            KubernetesError: The gateways could not be listed.
        """
        new, self._sequence = sequence != self._sequence, sequence
        deadline = time.monotonic() + (self._settle_seconds if new else 0)
        await self._query()
        while self.sequences and not self._all_serve_it() and time.monotonic() < deadline:
            await asyncio.sleep(FASTEST_SECONDS)
            await self._query()

    async def has_news(self) -> bool:
        """Query the gateways, and return whether the result is worth a report.

        Raises:
            KubernetesError: The gateways could not be listed.
        """
        await self._query()
        if self._reported is None:
            return self.is_reportable()
        if sorted(self.sequences) == sorted(self._reported):
            return False
        other_gateways = len(self.sequences) != len(self._reported)
        long_ago = time.monotonic() >= self._reported_at + PROGRESS_SECONDS
        return self._all_serve_it() or other_gateways or long_ago

    def is_reportable(self) -> bool:
        """Return False while a first report would only say that the gateways have not started."""
        is_served = bool(self.sequences) and self._all_serve_it()
        return is_served or self._reported is not None or time.monotonic() >= self._grace_until

    def reported(self, *, waiting: bool) -> None:
        """Record that all statuses show the newest result, and whether objects are pending."""
        self._reported, self._reported_at = self.sequences, time.monotonic()
        self._pause = FASTEST_SECONDS if waiting else IDLE_SECONDS
        self._next_at = time.monotonic() + self._pause

    def seconds_left(self) -> float:
        """Return the time until the next query, in seconds."""
        return max(0.0, self._next_at - time.monotonic())

    async def _query(self) -> None:
        self.sequences = await self._gateways.sequences()
        acked = acknowledged(self.sequences, self._sequence)
        unreachable = self.sequences.count(NO_CATALOG)
        GATEWAYS.labels("acked").set(acked)
        GATEWAYS.labels("unreachable").set(unreachable)
        GATEWAYS.labels("stale").set(len(self.sequences) - acked - unreachable)
        if self._pause < IDLE_SECONDS:
            self._pause = min(2 * self._pause, SLOWEST_WAITING_SECONDS)
        self._next_at = time.monotonic() + self._pause

    def _all_serve_it(self) -> bool:
        return acknowledged(self.sequences, self._sequence) == len(self.sequences)
