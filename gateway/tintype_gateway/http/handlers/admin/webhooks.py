"""The routes of the outbox of webhooks."""

from datetime import datetime
from typing import Any

from aiohttp import web

from tintype_gateway.http.handlers.admin.bodies import choice, number
from tintype_gateway.ledger.operations.webhooks import WebhookOperations
from tintype_gateway.ledger.outbox import MAX_PAGE, WEBHOOK_STATES, WebhookDelivery

DEFAULT_PAGE = 100


class Webhooks:
    """Handlers of the path `/webhooks`."""

    def __init__(self, ledger: WebhookOperations) -> None:
        self._ledger = ledger

    async def list(self, request: web.Request) -> web.Response:
        """Return a page of webhooks, newest first."""
        limit = number(request, "limit", 1, MAX_PAGE) or DEFAULT_PAGE
        named = choice(request, "state", WEBHOOK_STATES)
        state = next((each for each in WEBHOOK_STATES if each == named), None)
        after = request.query.get("after")
        found = await self._ledger.webhooks(state, after=after, limit=limit + 1)
        data = [_document(each) for each in found[:limit]]
        return web.json_response({"object": "list", "data": data, "has_more": len(found) > limit})

    async def resend(self, request: web.Request) -> web.Response:
        """Let a webhook be sent again, whatever became of it."""
        delivery = await self._ledger.redeliver_webhook(request.match_info["id"])
        return web.json_response(_document(delivery), status=202)


def _document(delivery: WebhookDelivery) -> dict[str, Any]:
    message = delivery.message
    return {
        "object": "webhook",
        "id": message.id,
        "type": message.type,
        "account": message.account,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "last_status": delivery.status,
        "last_error": delivery.error,
        "created_at": delivery.created_at.isoformat(),
        "attempted_at": _time(delivery.attempted_at),
        "next_attempt_at": _time(delivery.due_at if delivery.state == "pending" else None),
        "finished_at": _time(delivery.finished_at),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
