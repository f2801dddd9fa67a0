"""The routes of the secrets that sign the webhooks of an account's jobs."""

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from tintype_accounts.documents import Document
from tintype_gateway.errors import ConflictError
from tintype_gateway.http.handlers.admin.author import author_of
from tintype_gateway.http.handlers.admin.bodies import Moment, read
from tintype_gateway.jobs.webhook_secrets import WebhookSecrets
from tintype_gateway.ledger.operations.webhook_secrets import WebhookSecretOperations
from tintype_gateway.ledger.webhook_secrets import WebhookSecret


class NewSecret(Document):
    """The body of `POST`."""

    expires_at: Moment | None = None
    keep_others_for_seconds: Annotated[float, Field(ge=0, le=10**8)] | None = None
    """After how many seconds the account's other secrets end; null: they stay as they are."""


class Expiry(Document):
    """The end of a secret; null: it does not end by itself."""

    expires_at: Moment | None


class AccountWebhookSecrets:
    """Handlers of the paths below `/accounts/{name}/webhook-secrets`."""

    def __init__(self, ledger: WebhookSecretOperations, secrets: WebhookSecrets | None) -> None:
        self._ledger = ledger
        self._secrets = secrets

    async def list(self, request: web.Request) -> web.Response:
        """Return the secrets of an account, oldest first, without what is secret of them."""
        found = await self._ledger.webhook_secrets(request.match_info["name"])
        return web.json_response({"object": "list", "data": [document(each) for each in found]})

    async def create(self, request: web.Request) -> web.Response:
        """Make a secret, and show it once."""
        body = await read(request, NewSecret)
        if self._secrets is None:
            raise ConflictError(
                "this gateway has no key that encrypts secrets: see TINTYPE_JOBS_KEY_FILE",
                code="jobs_key_missing",
            )
        made, text = await self._secrets.create(
            request.match_info["name"],
            expires_at=body.expires_at,
            keep_others_for_seconds=body.keep_others_for_seconds,
            author=author_of(request),
        )
        return web.json_response(document(made) | {"secret": text}, status=201)

    async def set_expiry(self, request: web.Request) -> web.Response:
        """Replace the end of a secret."""
        body = await read(request, Expiry)
        secret = await self._ledger.set_webhook_secret_expiry(
            request.match_info["name"],
            request.match_info["id"],
            body.expires_at,
            author=author_of(request),
        )
        return web.json_response(document(secret))

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a secret."""
        await self._ledger.delete_webhook_secret(
            request.match_info["name"], request.match_info["id"], author=author_of(request)
        )
        return web.Response(status=204)


def document(secret: WebhookSecret) -> dict[str, Any]:
    """Return a secret as JSON, without what is secret of it."""
    end = secret.expires_at
    return {
        "object": "webhook_secret",
        "id": secret.id,
        "account": secret.account,
        "created_at": secret.created_at.isoformat(),
        "expires_at": None if end is None else end.isoformat(),
    }
