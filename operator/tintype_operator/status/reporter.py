"""The task that writes the statuses of the objects, concurrently with the task that publishes.

Publication never waits for statuses, Events and responses of gateways, which may be slow.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime

from tintype_catalog.egress_policy import EgressPolicy
from tintype_kubernetes.client import KubernetesClient
from tintype_kubernetes.errors import KubernetesError
from tintype_operator.liveness import Liveness
from tintype_operator.metrics import RECONCILES
from tintype_operator.publish.catalog import CatalogPublisher
from tintype_operator.status.builder import Outcome
from tintype_operator.status.events import Events, Transition
from tintype_operator.status.rollout import Rollout
from tintype_operator.status.writer import TASK, StatusWriter
from tintype_operator.watch.cache import Cache

RETRY_SECONDS = 5.0
"""The pause after a failed report."""

HEARTBEAT_SECONDS = 10.0
"""The period of the task's heartbeat while there is nothing to report."""

logger = logging.getLogger(__name__)


class StatusReporter:
    """Takes the outcome of each pass by `submit`, and reports the newest one in `run`."""

    def __init__(
        self,
        client: KubernetesClient,
        cache: Cache,
        publisher: CatalogPublisher,
        rollout: Rollout,
        liveness: Liveness,
        retry_seconds: float = RETRY_SECONDS,
        *,
        policy: EgressPolicy | None = None,
    ) -> None:
        """Write nothing before `run`."""
        self._retry_seconds = retry_seconds
        self._cache = cache
        self._publisher = publisher
        self._rollout = rollout
        self._liveness = liveness
        self._events = Events(client)
        self._writer = StatusWriter(client, liveness, policy)
        self._outcome: Outcome | None = None
        self._newer = asyncio.Event()
        self._posted = ""
        self._price_change_at: datetime | None = None

    def submit(self, outcome: Outcome) -> None:
        """Report this outcome instead of an earlier one that was not reported yet."""
        self._outcome = outcome
        self._newer.set()

    async def run(self) -> None:
        """Keep the statuses current until cancelled."""
        while True:
            self._liveness.beat(TASK)
            try:
                await self._report_what_is_due()
            except KubernetesError as error:
                RECONCILES.labels("error").inc()
                self._liveness.restart_timers()
                logger.warning("will write statuses again in %d s: %s", self._retry_seconds, error)
                self._newer.set()
                await asyncio.sleep(self._retry_seconds)

    async def _report_what_is_due(self) -> None:
        """Wait for a newer outcome, for the next query of the gateways or for the moment of another
        price, and report the result."""
        outcome = self._outcome
        left = HEARTBEAT_SECONDS if outcome is None else self._rollout.seconds_left()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(HEARTBEAT_SECONDS, left, self._seconds_to_change())):
                await self._newer.wait()
        if self._newer.is_set():
            self._newer.clear()
            await self._report_newest()
        elif outcome and (self._seconds_to_change() == 0 or await self._gateways_have_news()):
            await self._report(outcome)

    async def _report_newest(self) -> None:
        if (outcome := self._outcome) is None:
            return
        await self._post_refusal(outcome.refusal)
        await self._rollout.wait_until_served(outcome.sequence)
        if self._rollout.is_reportable():
            await self._report(outcome)

    async def _gateways_have_news(self) -> bool:
        return self._rollout.seconds_left() == 0 and await self._rollout.has_news()

    def _seconds_to_change(self) -> float:
        """Return the time until the statuses have to say another price."""
        if self._price_change_at is None:
            return HEARTBEAT_SECONDS
        return max(0.0, (self._price_change_at - datetime.now(UTC)).total_seconds())

    async def _report(self, outcome: Outcome) -> None:
        self._price_change_at = outcome.next_price_change(datetime.now(UTC))
        sequences = self._rollout.sequences
        if await self._writer.report(self._cache, outcome, sequences, self._newer):
            self._rollout.reported(waiting=self._writer.waiting)

    async def _post_refusal(self, refusal: str) -> None:
        """Post an Event for a refusal: there may be no object left whose status shows it."""
        has_news, self._posted = refusal != self._posted, refusal
        if refusal and has_news and (configmap := await self._publisher.read_configmap()):
            await self._events.post(configmap, Transition("Warning", "PublicationRefused", refusal))
