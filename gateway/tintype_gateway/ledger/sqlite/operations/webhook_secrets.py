"""The operations of the secrets of webhooks."""

from collections.abc import Sequence
from datetime import datetime

from tintype_gateway.ledger.changes import UNNAMED, Author
from tintype_gateway.ledger.sqlite import webhook_secrets
from tintype_gateway.ledger.sqlite.operations.base import SqliteOperations
from tintype_gateway.ledger.webhook_secrets import NewWebhookSecret, WebhookSecret


class SqliteWebhookSecrets(SqliteOperations):
    """See `WebhookSecretOperations`."""

    async def create_webhook_secret(
        self,
        account: str,
        secret_id: str,
        sealed: bytes,
        *,
        expires_at: datetime | None = None,
        keep_others_for_seconds: float | None = None,
        author: Author = UNNAMED,
    ) -> WebhookSecret:
        """See `Ledger`."""
        new = NewWebhookSecret(secret_id, account, sealed, expires_at)
        return await self._do(
            lambda db, now: webhook_secrets.create(db, now, new, keep_others_for_seconds, author)
        )

    async def webhook_secrets(
        self, account: str, *, valid: bool = False
    ) -> Sequence[WebhookSecret]:
        """See `Ledger`."""
        return await self._read(lambda db, now: webhook_secrets.read_all(db, now, account, valid))

    async def set_webhook_secret_expiry(
        self,
        account: str,
        secret_id: str,
        expires_at: datetime | None,
        *,
        author: Author = UNNAMED,
    ) -> WebhookSecret:
        """See `Ledger`."""
        return await self._do(
            lambda db, now: webhook_secrets.set_expiry(
                db, now, account, secret_id, expires_at, author
            )
        )

    async def delete_webhook_secret(
        self, account: str, secret_id: str, *, author: Author = UNNAMED
    ) -> None:
        """See `Ledger`."""
        await self._do(lambda db, now: webhook_secrets.delete(db, now, account, secret_id, author))
