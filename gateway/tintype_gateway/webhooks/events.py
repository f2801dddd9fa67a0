"""The messages that the gateway sends, as the documentation describes them."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tintype_gateway.ledger.outbox import WebhookMessage
from tintype_gateway.webhooks.endpoints import CONFIGURED


def trial(now: datetime) -> WebhookMessage:
    """Return a message by which somebody tries a receiver."""
    return configured(f"msg_test_{uuid.uuid4().hex}", "webhook.test", now, {})


def configured(
    message_id: str,
    event: str,
    at: datetime,
    data: Mapping[str, Any],
    account: str | None = None,
) -> WebhookMessage:
    """Return a message for the receiver of the settings.

    Args:
        message_id: The same whenever this message is made.
        event: The type of the event.
        at: When it happened.
        data: What is told of it, in JSON.
        account: The account that it concerns, if it does.
    """
    payload = {"type": event, "timestamp": at.astimezone(UTC).isoformat(), "data": data}
    return WebhookMessage(message_id, event, CONFIGURED, json.dumps(payload), account)
