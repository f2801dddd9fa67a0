"""Tells the receiver of webhooks of each change in the audit log, where the settings ask for it."""

from collections.abc import Awaitable, Callable, Sequence

from tintype_gateway.ledger.changes import Change, change_document
from tintype_gateway.ledger.operations.webhooks import WebhookOperations
from tintype_gateway.ledger.outbox import WebhookMessage
from tintype_gateway.webhooks.events import configured

EVENT = "audit.change"


def change_message(change: Change) -> WebhookMessage:
    """Return the message of a change, which is the same whenever it is made."""
    message_id, account = f"msg_change_{change.sequence}", change.difference.account
    return configured(message_id, EVENT, change.at, change_document(change), account)


def into_outbox(ledger: WebhookOperations) -> Callable[[Sequence[Change]], Awaitable[None]]:
    """Return what adds the messages of changes to the outbox; those of known ones are there."""

    async def add(changes: Sequence[Change]) -> None:
        await ledger.add_webhooks([change_message(change) for change in changes])

    return add
