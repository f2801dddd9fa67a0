"""Opens what identifies the callers of the admin API."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tintype_gateway.auth.admin.access import AdminAccess
from tintype_gateway.auth.admin.roles import Role
from tintype_gateway.auth.admin.service_accounts import ServiceAccounts
from tintype_gateway.auth.admin.tokens import AdminTokens
from tintype_kubernetes.client import connect
from tintype_kubernetes.config import load_config


@asynccontextmanager
async def open_admin_access(
    token: str | None,
    folder: Path | None,
    service_accounts: Mapping[str, Role],
    kubeconfig: Path | None,
) -> AsyncIterator[AdminAccess | None]:
    """Give what identifies admins; None if nobody is one, so that there is no admin API.

    Raises:
        OSError: The folder of tokens cannot be read.
        ConfigError: ServiceAccounts are admins, and there is no cluster.
    """
    if token is None and folder is None and not service_accounts:
        yield None
        return
    async with AsyncExitStack() as stack:
        accounts = None
        if service_accounts:
            client = await stack.enter_async_context(connect(load_config(kubeconfig)))
            accounts = ServiceAccounts(client, service_accounts)
        tokens = AdminTokens(token, folder)
        await tokens.load()
        yield AdminAccess(tokens, service_accounts=accounts)
