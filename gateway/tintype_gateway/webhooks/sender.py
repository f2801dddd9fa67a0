"""Sends what is due in the outbox. All gateways of a release share the work."""

import asyncio
import logging
import random
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress

from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.operations.webhooks import WebhookOperations
from tintype_gateway.ledger.outbox import Attempt, WebhookDelivery, WebhookMessage
from tintype_gateway.observability.metrics import (
    WEBHOOK_ATTEMPTS,
    WEBHOOKS_GIVEN_UP,
    WEBHOOKS_OLDEST,
    WEBHOOKS_PENDING,
)
from tintype_gateway.webhooks.attempt import ATTEMPT_SECONDS, Result, send
from tintype_gateway.webhooks.endpoints import Endpoints, NoEndpointError
from tintype_gateway.webhooks.schedule import retry_seconds

log = logging.getLogger(__name__)

MAX_CONCURRENT = 32
"""How many messages a gateway sends at once."""

SHARE = 4
"""One queue, such as the jobs of an account, has at most one part in this number of the places that
are free: the more receivers take their time, the fewer places each of them has, and there is one
left for the next. It may be exceeded by `CLAIMED_AT_ONCE - 1`."""

CLAIMED_AT_ONCE = 4
"""How many messages are claimed by one look into the outbox."""

LEASE_SECONDS = 60.0
"""How long a gateway has for a message: well above `ATTEMPT_SECONDS`. If it is killed meanwhile,
another one sends the message after that time."""

POLL_SECONDS = 2.0
"""The time between two looks into the outbox while nothing is due."""

BACKLOG_SECONDS = 15.0
"""The time between two counts of the pending messages."""

FORGET_SECONDS = 3600.0

Source = Callable[[WebhookOperations], Awaitable[None]]
"""Adds messages to the outbox, about what has happened since the last time."""


class Sender:
    """Delivers messages at least once each, and retries those that were not accepted."""

    def __init__(
        self,
        ledger: WebhookOperations,
        endpoints: Endpoints,
        sources: Sequence[Source] = (),
        *,
        wall_clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
        attempt_seconds: float = ATTEMPT_SECONDS,
        lease_seconds: float = LEASE_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._ledger = ledger
        self._endpoints = endpoints
        self._sources = sources
        self._wall_clock = wall_clock
        self._draw = draw
        self._attempt_seconds = attempt_seconds
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds
        self._claim = f"claim-{uuid.uuid4().hex}"

    async def run(self) -> None:
        """Send what is due, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_house())
            sending: dict[asyncio.Task[None], str] = {}
            while True:
                claimed = await self._due(sending)
                sending |= {
                    tasks.create_task(self._deliver(each)): each.message.queue for each in claimed
                }
                if not claimed:
                    await self._pause(sending)
                for sent in [task for task in sending if task.done()]:
                    del sending[sent]

    async def _pause(self, sending: Collection["asyncio.Task[None]"]) -> None:
        """Wait until one of the messages is sent, or until it is time to look again."""
        if not sending:
            await asyncio.sleep(self._poll_seconds)
            return
        await asyncio.wait(sending, timeout=self._poll_seconds, return_when=asyncio.FIRST_COMPLETED)

    async def _due(self, sending: Mapping["asyncio.Task[None]", str]) -> Sequence[WebhookDelivery]:
        """Claim some messages, but none of those whose queue has as many as it may have."""
        free = MAX_CONCURRENT - len(sending)
        limit = min(CLAIMED_AT_ONCE, max(1, free // SHARE), free)
        busy = [
            queue for queue, count in Counter(sending.values()).items() if count >= free / SHARE
        ]
        try:
            for source in self._sources:
                await source(self._ledger)
            if limit <= 0:
                return ()
            return await self._ledger.claim_webhooks(
                self._claim, limit, self._lease_seconds, busy=busy
            )
        except LedgerError as error:
            log.warning("webhooks not claimed", extra={"error": str(error)})
            await asyncio.sleep(self._poll_seconds)
            return ()

    async def _deliver(self, delivery: WebhookDelivery) -> None:
        """Send a message and record how that ended. If that fails, it is due after its lease."""
        message = delivery.message
        try:
            result = await self._send(message)
            attempt = self._attempt(delivery, result)
            self._report(delivery, result, attempt)
            await self._ledger.end_webhook_attempt(message.id, self._claim, attempt)
        except LedgerError as error:
            extra = {"webhook_id": message.id, "error": str(error)}
            log.warning("outcome of a webhook not recorded", extra=extra)

    async def _send(self, message: WebhookMessage) -> Result:
        try:
            endpoint = await self._endpoints.find(message)
            return await send(endpoint, message.id, self._wall_clock(), self._attempt_seconds)
        except NoEndpointError as error:
            return Result("misconfigured", error=str(error), is_final=error.is_final)
        except LedgerError:
            raise
        except Exception:  # a defect: it counts as an attempt, so that there is no end of attempts
            log.exception("unexpected error", extra={"webhook_id": message.id})
            return Result("misconfigured", error="an unexpected error, which was logged")

    def _attempt(self, delivery: WebhookDelivery, result: Result) -> Attempt:
        attempts = delivery.attempts + 1
        retry = retry_seconds(attempts, self._draw(), result.retry_after)
        if result.error is None or result.is_final:
            retry = None
        return Attempt(result.error, result.status, retry)

    def _report(self, delivery: WebhookDelivery, result: Result, attempt: Attempt) -> None:
        message = delivery.message
        WEBHOOK_ATTEMPTS.labels(message.type, result.outcome).inc()
        fields: dict[str, object] = {
            "webhook_id": message.id,
            "type": message.type,
            "account": message.account,
            "attempt": delivery.attempts + 1,
            "status": result.status,
        }
        if attempt.error is None:
            log.info("webhook delivered", extra=fields)
            return
        fields |= {"cause": attempt.error, "retry_seconds": attempt.retry_seconds}
        if attempt.state == "failed":
            WEBHOOKS_GIVEN_UP.labels(message.type).inc()
            log.error("webhook given up", extra=fields)
        else:
            log.warning("webhook not delivered", extra=fields)

    async def _keep_house(self) -> None:
        """Count the pending messages, and forget old ones."""
        looks = 0
        while True:
            with suppress(LedgerError):
                for receiver, backlog in (await self._ledger.webhook_backlog()).items():
                    WEBHOOKS_PENDING.labels(receiver).set(backlog.pending)
                    WEBHOOKS_OLDEST.labels(receiver).set(backlog.oldest_seconds)
                if looks % (FORGET_SECONDS // BACKLOG_SECONDS) == 0:
                    await self._ledger.forget_webhooks()
            looks += 1
            await asyncio.sleep(BACKLOG_SECONDS)
