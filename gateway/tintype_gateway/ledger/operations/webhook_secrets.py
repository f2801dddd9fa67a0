"""The secrets that sign the webhooks of jobs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tintype_gateway.ledger.changes import UNNAMED, Author
from tintype_gateway.ledger.webhook_secrets import WebhookSecret


class WebhookSecretOperations(Protocol):
    """A part of `Ledger`, which says what all operations have in common."""

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
        """Record a secret of an account, by a new id.

        With `keep_others_for_seconds`, its other secrets end after that time, if they do not end
        before. None: they stay as they are.

        Raises:
            AccountNotFoundError: no account has this name.
            WebhookSecretLimitError: as many as there may be are valid.
            ValueError: `expires_at` has no time zone, or the time is negative.
        """

    async def webhook_secrets(
        self, account: str, *, valid: bool = False
    ) -> Sequence[WebhookSecret]:
        """Read the secrets of an account, oldest first: all, or those that have not expired.

        Raises:
            AccountNotFoundError: no account has this name.
        """

    async def set_webhook_secret_expiry(
        self,
        account: str,
        secret_id: str,
        expires_at: datetime | None,
        *,
        author: Author = UNNAMED,
    ) -> WebhookSecret:
        """Replace the end of a secret; None: it does not end by itself.

        Raises:
            WebhookSecretNotFoundError: the account has no such secret.
            ValueError: `expires_at` has no time zone.
        """

    async def delete_webhook_secret(
        self, account: str, secret_id: str, *, author: Author = UNNAMED
    ) -> None:
        """Delete a secret, which signs nothing any more.

        Raises:
            WebhookSecretNotFoundError: the account has no such secret.
        """
