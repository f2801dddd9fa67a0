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
from tintype_gateway.ledger.postgres import alerts, outbox
from tintype_gateway.ledger.postgres.operations.base import PostgresOperations


class PostgresWebhooks(PostgresOperations):
    """See `WebhookOperations`."""

    async def unreported_alerts(self, limit: int) -> Sequence[BudgetAlert]:
        """See `Ledger`."""
        return await alerts.unreported(self._database, limit)

    async def report_alerts(self, messages: Mapping[int, WebhookMessage | None]) -> Collection[int]:
        """See `Ledger`."""
        return await alerts.report(self._database, self._now(), messages)

    async def add_webhooks(self, messages: Sequence[WebhookMessage]) -> None:
        """See `Ledger`."""
        await outbox.add(self._database, self._now(), messages)

    async def claim_webhooks(
        self, claim: str, limit: int, lease_seconds: float, *, busy: Collection[str] = ()
    ) -> Sequence[WebhookDelivery]:
        """See `Ledger`."""
        return await outbox.claim(self._database, self._now(), claim, limit, lease_seconds, busy)

    async def end_webhook_attempt(self, message_id: str, claim: str, attempt: Attempt) -> None:
        """See `Ledger`."""
        await outbox.end_attempt(self._database, self._now(), message_id, claim, attempt)

    async def redeliver_webhook(self, message_id: str) -> WebhookDelivery:
        """See `Ledger`."""
        return await outbox.redeliver(self._database, self._now(), message_id)

    async def find_webhooks(self, ids: Collection[str]) -> Mapping[str, WebhookDelivery]:
        """See `Ledger`."""
        return await outbox.read_named(self._database, ids)

    async def webhooks(
        self, state: WebhookState | None = None, *, after: str | None = None, limit: int = 100
    ) -> Sequence[WebhookDelivery]:
        """See `Ledger`."""
        return await outbox.read_page(self._database, state, after, limit)

    async def webhook_backlog(self) -> Mapping[Receiver, Backlog]:
        """See `Ledger`."""
        return await outbox.backlog(self._database, self._now())

    async def forget_webhooks(self) -> int:
        """See `Ledger`."""
        return await outbox.forget(self._database, self._now())
