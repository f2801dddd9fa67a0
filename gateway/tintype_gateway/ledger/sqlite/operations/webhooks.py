"""The operations of alerts of budgets and webhooks."""

from collections.abc import Collection, Mapping, Sequence

from tintype_gateway.ledger.alerts import BudgetAlert
from tintype_gateway.ledger.outbox import (
    Attempt,
    Backlog,
    Receiver,
    WebhookDelivery,
    WebhookMessage,
    WebhookState,
)
from tintype_gateway.ledger.sqlite import alerts, outbox
from tintype_gateway.ledger.sqlite.operations.base import SqliteOperations


class SqliteWebhooks(SqliteOperations):
    """See `WebhookOperations`."""

    async def unreported_alerts(self, limit: int) -> Sequence[BudgetAlert]:
        """See `Ledger`."""
        return await self._read(lambda db, _: alerts.unreported(db, limit))

    async def report_alerts(self, messages: Mapping[int, WebhookMessage | None]) -> Collection[int]:
        """See `Ledger`."""
        return await self._do(lambda db, now: alerts.report(db, now, messages))

    async def add_webhooks(self, messages: Sequence[WebhookMessage]) -> None:
        """See `Ledger`."""
        await self._do(lambda db, now: outbox.add(db, now, messages))

    async def claim_webhooks(
        self, claim: str, limit: int, lease_seconds: float, *, busy: Collection[str] = ()
    ) -> Sequence[WebhookDelivery]:
        """See `Ledger`. A power cut that undoes a claim ends the attempt as well."""
        return await self._read(
            lambda db, now: outbox.claim(db, now, claim, limit, lease_seconds, busy)
        )

    async def end_webhook_attempt(self, message_id: str, claim: str, attempt: Attempt) -> None:
        """See `Ledger`."""
        await self._do_quickly(
            lambda db, now: outbox.end_attempt(db, now, message_id, claim, attempt)
        )

    async def redeliver_webhook(self, message_id: str) -> WebhookDelivery:
        """See `Ledger`."""
        return await self._do(lambda db, now: outbox.redeliver(db, now, message_id))

    async def find_webhooks(self, ids: Collection[str]) -> Mapping[str, WebhookDelivery]:
        """See `Ledger`."""
        return await self._read(lambda db, _: outbox.read_named(db, ids))

    async def webhooks(
        self, state: WebhookState | None = None, *, after: str | None = None, limit: int = 100
    ) -> Sequence[WebhookDelivery]:
        """See `Ledger`."""
        return await self._do(lambda db, _: outbox.read_page(db, state, after, limit))

    async def webhook_backlog(self) -> Mapping[Receiver, Backlog]:
        """See `Ledger`."""
        return await self._writer.submit(outbox.backlog, is_lasting=False)

    async def forget_webhooks(self) -> int:
        """See `Ledger`."""
        return await self._do(outbox.forget)
