"""Counts that a budget has been spent to a share that it alerts of, and tells the receiver."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from tintype_gateway.ledger.alerts import BudgetAlert
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.operations.webhooks import WebhookOperations
from tintype_gateway.ledger.outbox import WebhookMessage
from tintype_gateway.observability.metrics import BUDGET_ALERTS
from tintype_gateway.webhooks.events import configured

log = logging.getLogger(__name__)

EVENT = "budget.threshold_reached"

OLDEST = timedelta(days=1)
"""The age above which an alert is no news, as after days without a running gateway."""

BATCH = 100

COUNT_SECONDS = 5.0
"""The time between two looks for alerts where no receiver is told of them."""


def alert_message(alert: BudgetAlert) -> WebhookMessage:
    """Return the message of an alert, which is the same whenever it is made."""
    data = {
        "account": alert.account,
        "model": alert.model,
        "window": alert.window,
        "starts_at": alert.starts_at.isoformat(),
        "ends_at": alert.ends_at.isoformat(),
        "time_zone": alert.time_zone,
        "percent": alert.percent,
        "limit_micro_credits": alert.limit,
        "spent_micro_credits": alert.spent,
    }
    return configured(f"msg_budget_alert_{alert.id}", EVENT, alert.created_at, data, alert.account)


async def report_alerts(
    ledger: WebhookOperations, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    """Add the messages of all alerts that nobody has been told of to the outbox, and count them."""
    while alerts := await ledger.unreported_alerts(BATCH):
        oldest = clock() - OLDEST
        news = [alert for alert in alerts if alert.created_at >= oldest]
        messages = {alert.id: alert_message(alert) for alert in news}
        await _record(ledger, alerts, messages)


async def count_alerts(ledger: WebhookOperations, pause_seconds: float = COUNT_SECONDS) -> None:
    """Count all alerts without a message, because there is no receiver, until cancelled."""
    while True:
        try:
            while alerts := await ledger.unreported_alerts(BATCH):
                await _record(ledger, alerts, {})
        except LedgerError as error:
            log.warning("alerts of budgets not counted", extra={"error": str(error)})
        await asyncio.sleep(pause_seconds)


async def _record(
    ledger: WebhookOperations,
    alerts: Sequence[BudgetAlert],
    messages: Mapping[int, WebhookMessage],
) -> None:
    """Record alerts as reported; count those that no other gateway has recorded."""
    recorded = await ledger.report_alerts({alert.id: messages.get(alert.id) for alert in alerts})
    for alert in alerts:
        if alert.id in recorded:
            BUDGET_ALERTS.labels(alert.window).inc()
