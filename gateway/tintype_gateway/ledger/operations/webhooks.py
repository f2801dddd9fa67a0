"""Alerts of budgets, and the outbox of webhooks."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from tintype_gateway.ledger.alerts import BudgetAlert
from tintype_gateway.ledger.outbox import (
    Attempt,
    Backlog,
    Receiver,
    WebhookDelivery,
    WebhookMessage,
    WebhookState,
)


class WebhookOperations(Protocol):
    """A part of `Ledger`, which says what all operations have in common."""

    async def unreported_alerts(self, limit: int) -> Sequence[BudgetAlert]:
        """Read alerts of budgets that nobody has been told of, oldest first."""

    async def report_alerts(self, messages: Mapping[int, WebhookMessage | None]) -> Collection[int]:
        """Add the messages of alerts to the outbox, and record that these are reported.

        The alerts are named by their ids. Without a message, an alert is only recorded. Returns
        the ids that no earlier call has recorded.
        """

    async def add_webhooks(self, messages: Sequence[WebhookMessage]) -> None:
        """Add messages to the outbox (see `outbox`), but those whose id it knows already."""

    async def claim_webhooks(
        self, claim: str, limit: int, lease_seconds: float, *, busy: Collection[str] = ()
    ) -> Sequence[WebhookDelivery]:
        """Claim messages that are due, at most `limit`; nobody else gets them during the lease.

        None is claimed whose `WebhookMessage.queue` is one of `busy`.

        `claim` is the caller's own, for `end_webhook_attempt`. A message whose attempt is not ended
        is due again after the lease.
        """

    async def end_webhook_attempt(self, message_id: str, claim: str, attempt: Attempt) -> None:
        """Record how the attempt of a claimed message ended.

        A failure counts only while the claim holds; a delivery always does.
        """

    async def redeliver_webhook(self, message_id: str) -> WebhookDelivery:
        """Let a message be due now, in any state, with all attempts anew.

        Raises:
            WebhookNotFoundError: no message has this id.
        """

    async def find_webhooks(self, ids: Collection[str]) -> Mapping[str, WebhookDelivery]:
        """Read messages of the outbox by their ids; those that it does not have are missing."""

    async def webhooks(
        self, state: WebhookState | None = None, *, after: str | None = None, limit: int = 100
    ) -> Sequence[WebhookDelivery]:
        """Read messages of the outbox, newest first; the next page comes `after` the last id."""

    async def webhook_backlog(self) -> Mapping[Receiver, Backlog]:
        """Count the messages that are not delivered yet, by receiver."""

    async def forget_webhooks(self) -> int:
        """Delete messages `KEEP_SECONDS` after they were delivered or given up; return how many."""
