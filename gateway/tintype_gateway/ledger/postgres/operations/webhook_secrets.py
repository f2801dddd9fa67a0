"""The operations of the secrets of webhooks."""

from collections.abc import Sequence
from datetime import datetime

from tintype_gateway.ledger.changes import UNNAMED, Author
from tintype_gateway.ledger.postgres import webhook_secrets
from tintype_gateway.ledger.postgres.operations.base import PostgresOperations
from tintype_gateway.ledger.webhook_secrets import NewWebhookSecret, WebhookSecret


class PostgresWebhookSecrets(PostgresOperations):
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
        return await webhook_secrets.create(
            self._database, self._now(), new, keep_others_for_seconds, author
        )

    async def webhook_secrets(
        self, account: str, *, valid: bool = False
    ) -> Sequence[WebhookSecret]:
        """See `Ledger`."""
        return await webhook_secrets.read_all(self._database, self._now(), account, valid)

    async def set_webhook_secret_expiry(
        self,
        account: str,
        secret_id: str,
        expires_at: datetime | None,
        *,
        author: Author = UNNAMED,
    ) -> WebhookSecret:
        """See `Ledger`."""
        return await webhook_secrets.set_expiry(
            self._database, self._now(), account, secret_id, expires_at, author
        )

    async def delete_webhook_secret(
        self, account: str, secret_id: str, *, author: Author = UNNAMED
    ) -> None:
        """See `Ledger`."""
        await webhook_secrets.delete(self._database, self._now(), account, secret_id, author)
