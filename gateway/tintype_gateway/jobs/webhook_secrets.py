"""The secrets that sign the webhooks of an account's jobs; the ledger stores them encrypted."""

import base64
import logging
import secrets
from collections.abc import Sequence
from datetime import datetime

from tintype_gateway.jobs.sealing import SealError, Sealing
from tintype_gateway.ledger.changes import Author
from tintype_gateway.ledger.operations.webhook_secrets import WebhookSecretOperations
from tintype_gateway.ledger.webhook_secrets import WebhookSecret, new_secret_id
from tintype_gateway.webhooks.signature import PREFIX, parse_secret

log = logging.getLogger(__name__)

SECRET_BYTES = 32


class WebhookSecrets:
    """Makes secrets, and opens those that are valid."""

    def __init__(self, ledger: WebhookSecretOperations, sealing: Sealing) -> None:
        self._ledger = ledger
        self._sealing = sealing

    async def create(
        self,
        account: str,
        *,
        expires_at: datetime | None = None,
        keep_others_for_seconds: float | None = None,
        author: Author,
    ) -> tuple[WebhookSecret, str]:
        """Make a secret of an account; return it, and its text, which is never shown again.

        Raises:
            LedgerError, ValueError: As `WebhookSecretOperations.create_webhook_secret`.
        """
        text = PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        secret_id = new_secret_id()
        made = await self._ledger.create_webhook_secret(
            account,
            secret_id,
            self._sealing.seal(text.encode(), _about(secret_id)),
            expires_at=expires_at,
            keep_others_for_seconds=keep_others_for_seconds,
            author=author,
        )
        return made, text

    async def keys(self, account: str) -> Sequence[bytes]:
        """Return the keys of an account's valid secrets, but for those that cannot be opened.

        Raises:
            LedgerError: They could not be read.
        """
        valid = await self._ledger.webhook_secrets(account, valid=True)
        return [key for each in valid if (key := self._opened(each)) is not None]

    def _opened(self, secret: WebhookSecret) -> bytes | None:
        try:
            return parse_secret(self._sealing.open(secret.sealed, _about(secret.id)).decode())
        except SealError as error:
            fields = {"secret": secret.id, "account": secret.account, "error": str(error)}
            log.error("secret of webhooks not opened", extra=fields)
            return None


def _about(secret_id: str) -> str:
    return f"webhook_secret:{secret_id}"
