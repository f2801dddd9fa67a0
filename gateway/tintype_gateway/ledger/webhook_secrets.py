"""The secrets that sign the webhooks of an account's jobs.

The ledger has them sealed: it cannot read them, nor can who has its database only. Several of an
account are valid at once, so that a receiver changes over while messages have a signature by each.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MAX_VALID = 8
"""How many secrets of an account may be valid at once: each adds a signature to every message."""

ENDED_KEPT_SECONDS = 30 * 86_400
"""For how long one that has expired is listed, until the next one is made after that."""


@dataclass(frozen=True)
class NewWebhookSecret:
    """A secret to record."""

    id: str
    account: str
    sealed: bytes = field(repr=False)
    expires_at: datetime | None
    """None: never."""


@dataclass(frozen=True)
class WebhookSecret:
    """A secret of an account."""

    id: str
    account: str
    created_at: datetime
    expires_at: datetime | None
    """None: never."""

    sealed: bytes = field(repr=False)


def new_secret_id() -> str:
    """Return the id of a new secret."""
    return f"whs-{secrets.token_hex(8)}"


def secret_document(secret: WebhookSecret) -> dict[str, Any]:
    """Return what the audit log shows of a secret: not the secret itself, nor its sealed form."""
    end = secret.expires_at
    return {"account": secret.account, "expires_at": None if end is None else end.isoformat()}
