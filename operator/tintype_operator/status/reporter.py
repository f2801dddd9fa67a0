"""The task that tells each object what became of it, beside the one that publishes.

Publishing never waits for it: statuses, Events and the answers of gateways take their time.
"""

import asyncio
import logging
from contextlib import suppress

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
"""The pause after a report that failed."""

HEARTBEAT_SECONDS = 10.0
"""How often the task shows that it lives while there is nothing to do."""

logger = logging.getLogger(__name__)


class StatusReporter:
    """Is given the outcome of each pass by `submit`, and reports the newest one in `run`."""

    def __init__(
        self,
        client: KubernetesClient,
        cache: Cache,
        publisher: CatalogPublisher,
        rollout: Rollout,
        liveness: Liveness,
    ) -> None:
        """Prepare; nothing is written before `run`."""
        self._cache = cache
        self._publisher = publisher
        self._rollout = rollout
        self._liveness = liveness
        self._events = Events(client)
        self._writer = StatusWriter(client, liveness)
        self._outcome: Outcome | None = None
        self._newer = asyncio.Event()
        self._posted = ""

    def submit(self, outcome: Outcome) -> None:
        """Report this outcome, in the place of the one before."""
        self._outcome = outcome
        self._newer.set()

    async def run(self) -> None:
        """Keep statuses true until cancelled."""
        while True:
            self._liveness.beat(TASK)
            try:
                await self._report_what_is_due()
            except KubernetesError as error:
                RECONCILES.labels("error").inc()
                self._liveness.excuse()
                logger.warning("will write statuses again in %d s: %s", RETRY_SECONDS, error)
                self._newer.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _report_what_is_due(self) -> None:
        """Wait a while for a newer outcome or for news of the gateways, and report them."""
        outcome = self._outcome
        left = HEARTBEAT_SECONDS if outcome is None else self._rollout.seconds_left()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(HEARTBEAT_SECONDS, left)):
                await self._newer.wait()
        if self._newer.is_set():
            self._newer.clear()
            await self._report_newest()
        elif outcome and self._rollout.seconds_left() == 0 and await self._rollout.is_news():
            await self._report(outcome)

    async def _report_newest(self) -> None:
        if (outcome := self._outcome) is None:
            return
        await self._post_refusal(outcome.refusal)
        await self._rollout.settle(outcome.sequence)
        if self._rollout.is_settled():
            await self._report(outcome)

    async def _report(self, outcome: Outcome) -> None:
        sequences = self._rollout.sequences
        if await self._writer.report(self._cache, outcome, sequences, self._newer):
            self._rollout.reported(waiting=self._writer.waiting)

    async def _post_refusal(self, refusal: str) -> None:
        """Tell people that nothing is published, also where no object is left that could say it."""
        is_news, self._posted = refusal != self._posted, refusal
        if refusal and is_news and (configmap := await self._publisher.stored()):
            await self._events.post(configmap, Transition("Warning", "PublicationRefused", refusal))
