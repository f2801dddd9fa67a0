"""The application of the admin API, and the table of its routes: read this first."""

from aiohttp import web

from tintype_gateway.auth.admin.access import AdminAccess
from tintype_gateway.http.admin_access import AdminRoute, admin_routes, authenticated
from tintype_gateway.http.handlers.admin.accounts import Accounts
from tintype_gateway.http.handlers.admin.audit import AuditLog
from tintype_gateway.http.handlers.admin.grants import Grants
from tintype_gateway.http.handlers.admin.keys import Keys
from tintype_gateway.http.handlers.admin.refusals import translated
from tintype_gateway.http.handlers.admin.usage import UsageApi
from tintype_gateway.http.handlers.admin.webhook_secrets import AccountWebhookSecrets
from tintype_gateway.http.handlers.admin.webhooks import Webhooks
from tintype_gateway.http.middleware import enveloped, observed
from tintype_gateway.jobs.webhook_secrets import WebhookSecrets
from tintype_gateway.ledger.interface import Ledger

SECRETS = "/accounts/{name:.+}/webhook-secrets"


class AdminApi:
    """The routes of the admin API for one ledger."""

    def __init__(
        self, ledger: Ledger, access: AdminAccess, secrets: WebhookSecrets | None = None
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._secrets = secrets

    def application(self) -> web.Application:
        """Return the application to mount at `/admin/v1`."""
        app = web.Application(
            middlewares=[observed, enveloped, authenticated(self._access), translated]
        )
        app.add_routes(admin_routes(table(self._ledger, self._secrets)))
        return app


def table(ledger: Ledger, secrets: WebhookSecrets | None) -> tuple[AdminRoute, ...]:
    """Return the routes with the role that each needs."""
    accounts, keys, grants = Accounts(ledger), Keys(ledger), Grants(ledger)
    audit, usage, webhooks = AuditLog(ledger), UsageApi(ledger), Webhooks(ledger)
    signing = AccountWebhookSecrets(ledger, secrets)
    return (
        AdminRoute("GET", "/accounts", "viewer", accounts.list),
        AdminRoute("POST", "/accounts", "money", accounts.create),
        AdminRoute("POST", "/accounts/{name:.+}/release", "money", accounts.release),
        AdminRoute("GET", SECRETS, "viewer", signing.list),
        AdminRoute("POST", SECRETS, "keys", signing.create),
        AdminRoute("PATCH", f"{SECRETS}/{{id}}", "keys", signing.set_expiry),
        AdminRoute("DELETE", f"{SECRETS}/{{id}}", "keys", signing.delete),
        AdminRoute("GET", "/accounts/{name:.+}", "viewer", accounts.get),
        AdminRoute("PUT", "/accounts/{name:.+}", "money", accounts.put),
        AdminRoute("PATCH", "/accounts/{name:.+}", "money", accounts.set_policy),
        AdminRoute("POST", "/grants", "money", grants.post),
        AdminRoute("GET", "/grants/{reference:.+}", "viewer", grants.get),
        AdminRoute("PUT", "/grants/{reference:.+}", "money", grants.put),
        AdminRoute("GET", "/keys", "viewer", keys.list),
        AdminRoute("POST", "/keys", "keys", keys.create),
        AdminRoute("PUT", "/keys/{id}", "keys", keys.put),
        AdminRoute("PATCH", "/keys/{id}", "keys", keys.set_expiry),
        AdminRoute("DELETE", "/keys/{id}", "keys", keys.revoke),
        AdminRoute("POST", "/keys/{id}/rotate", "keys", keys.rotate),
        AdminRoute("GET", "/usage", "viewer", usage.usage),
        AdminRoute("GET", "/audit", "viewer", audit.get),
        AdminRoute("POST", "/audit", "admin", audit.report),
        AdminRoute("GET", "/webhooks", "viewer", webhooks.list),
        AdminRoute("POST", "/webhooks/{id}/resend", "admin", webhooks.resend),
    )
