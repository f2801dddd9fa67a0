"""The values of the ledger from rows of its tables, whose columns have the same names everywhere.

SQLite keeps times as Unix seconds, lists as JSON and truth as 0 or 1. PostgreSQL has types for
them.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, overload

from tintype_gateway.accounts import Account, ApiKey, Grant, Policy, WindowSpent
from tintype_gateway.ledger.budgets import from_json
from tintype_gateway.ledger.changes import Author, Change, Difference, without_secrets
from tintype_gateway.ledger.outbox import WebhookDelivery, WebhookMessage
from tintype_gateway.ledger.webhook_secrets import WebhookSecret

POLICY_COLUMNS = (
    "models, requests_per_minute, images_per_minute, response_profile, calls_per_minute,"
    " queued_jobs, running_jobs, webhooks, guardrail_exempt"
)
"""What `policy_of` reads of an account."""


class Row(Protocol):
    """A row of `sqlite3` or asyncpg."""

    def __getitem__(self, column: str, /) -> Any:
        """Return the value of a column."""


@overload
def moment(stored: float | datetime) -> datetime: ...
@overload
def moment(stored: float | datetime | None) -> datetime | None: ...
def moment(stored: float | datetime | None) -> datetime | None:
    """Return a stored time, in UTC."""
    if stored is None or isinstance(stored, datetime):
        return stored
    return datetime.fromtimestamp(stored, UTC)


def policy_of(row: Row) -> Policy:
    """Return the policy of an account, or of one that is joined to the row."""
    models: str | Sequence[str] | None = row["models"]
    return Policy(
        models=None
        if models is None
        else frozenset(json.loads(models) if isinstance(models, str) else models),
        requests_per_minute=row["requests_per_minute"],
        images_per_minute=row["images_per_minute"],
        response_profile=row["response_profile"],
        calls_per_minute=row["calls_per_minute"],
        queued_jobs=row["queued_jobs"],
        running_jobs=row["running_jobs"],
        webhooks=bool(row["webhooks"]),
        guardrail_exempt=bool(row["guardrail_exempt"]),
    )


def account_of(row: Row, windows: tuple[WindowSpent, ...] = ()) -> Account:
    """Return an account with the windows of its budgets, if they were read."""
    return Account(
        name=row["name"],
        unlimited=bool(row["unlimited"]),
        balance=row["balance"],
        held=row["held"],
        policy=policy_of(row),
        time_zone=row["time_zone"],
        budgets=from_json(row["budgets"]),
        windows=windows,
        display_name=row["display_name"],
        suspended=bool(row["suspended"]),
        owner=row["owner"],
        deletion_policy=row["deletion_policy"],
    )


def key_of(row: Row) -> ApiKey:
    """Return a key."""
    return ApiKey(
        id=row["id"],
        account=row["account"],
        created_at=moment(row["created_at"]),
        expires_at=moment(row["expires_at"]),
        revoked_at=moment(row["revoked_at"]),
        owner=row["owner"],
        name=row["name"],
    )


def grant_of(row: Row) -> Grant:
    """Return a grant from its posting and the entry on the account."""
    return Grant(
        reference=row["reference"],
        account=row["account"],
        micro=row["amount"],
        reason=row["reason"],
        posting=str(row["id"]),
        created_at=moment(row["created_at"]),
    )


def change_of(row: Row) -> Change:
    """Return a recorded change."""
    return Change(
        sequence=row["sequence"],
        id=row["id"],
        at=moment(row["at"]),
        author=Author(
            kind=row["author_kind"],
            name=row["author_name"],
            details=json.loads(row["author_details"]),
            role=row["author_role"],
            request_id=row["request_id"],
        ),
        difference=Difference(
            action=row["action"],
            kind=row["kind"],
            name=row["name"],
            account=row["account"],
            before=_document(row["before"]),
            after=_document(row["after"]),
        ),
    )


def change_columns(author: Author, difference: Difference) -> tuple[str | None, ...]:
    """Return the columns of a change after its id and its time, from `author_kind` to `after`."""
    return (
        author.kind,
        without_secrets(author.name),
        json.dumps(without_secrets(author.details)),
        author.role,
        author.request_id,
        difference.action,
        difference.kind,
        without_secrets(difference.name),
        difference.account,
        _text(difference.before),
        _text(difference.after),
    )


def led_to(last: Row | None, difference: Difference) -> bool:
    """Return whether the last change of the same thing, of which `after` was read, led there."""
    return last is not None and _document(last["after"]) == without_secrets(difference.after)


def _text(document: Mapping[str, Any] | None) -> str | None:
    return None if document is None else json.dumps(without_secrets(document))


def _document(text: str | None) -> dict[str, Any] | None:
    return None if text is None else json.loads(text)


def delivery_of(row: Row) -> WebhookDelivery:
    """Return a message of the outbox."""
    return WebhookDelivery(
        message=WebhookMessage(
            id=row["id"],
            type=row["type"],
            destination=row["destination"],
            payload=row["payload"],
            account=row["account"],
        ),
        state=row["state"],
        created_at=moment(row["created_at"]),
        due_at=moment(row["due_at"]),
        attempts=row["attempts"],
        attempted_at=moment(row["attempted_at"]),
        status=row["status"],
        error=row["error"],
        finished_at=moment(row["finished_at"]),
    )


def webhook_secret_of(row: Row) -> WebhookSecret:
    """Return a secret of webhooks."""
    return WebhookSecret(
        id=row["id"],
        account=row["account"],
        created_at=moment(row["created_at"]),
        expires_at=moment(row["expires_at"]),
        sealed=row["sealed"],
    )
