"""An admin API in this process, with a caller for each role."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tintype_gateway.auth.admin.access import AdminAccess
from tintype_gateway.auth.admin.roles import ROLES
from tintype_gateway.auth.admin.tokens import AdminTokens
from tintype_gateway.http.handlers.admin.api import AdminApi
from tintype_gateway.jobs.sealing import Sealing
from tintype_gateway.jobs.webhook_secrets import WebhookSecrets
from tintype_gateway.ledger import Ledger

KEY_OF_JOBS = bytes(range(32))
"""The key that encrypts secrets."""

Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def admin_client(ledger: Ledger, folder: Path) -> AsyncIterator[Client]:
    """Serve the admin API of a ledger; the tokens of the roles are in `folder`, a new one."""
    _write_tokens(folder)
    tokens = AdminTokens(folder=folder)
    await tokens.load()
    async with TestClient(TestServer(_api(ledger, tokens).application())) as http:
        yield http


@asynccontextmanager
async def admin_server(ledger: Ledger, folder: Path) -> AsyncIterator[str]:
    """Serve the admin API as `admin_client` does, at its path, and yield the URL of its port."""
    _write_tokens(folder)
    tokens = AdminTokens(folder=folder)
    await tokens.load()
    app = web.Application()
    app.add_subapp("/admin/v1", _api(ledger, tokens).application())
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


def _api(ledger: Ledger, tokens: AdminTokens) -> AdminApi:
    secrets = WebhookSecrets(ledger, Sealing([KEY_OF_JOBS]))
    return AdminApi(ledger, AdminAccess(tokens), secrets)


def _write_tokens(folder: Path) -> None:
    folder.mkdir()
    for role in ROLES:
        (folder / f"the-{role}.{role}").write_text(token_of(role))


def token_of(role: str) -> str:
    """Return the token of the caller `the-ROLE`."""
    return f"the-token-of-the-{role}"


def bearer(role: str) -> Mapping[str, str]:
    """Return the header of the caller `the-ROLE`."""
    return {"Authorization": f"Bearer {token_of(role)}"}
