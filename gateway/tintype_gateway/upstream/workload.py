"""The identities of the gateway's own workload, which the platform gives to its pod."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from tintype_catalog.providers import Service, Workload
from tintype_gateway.upstream.tokens.cache import Token, TokenCache, TokenError
from tintype_gateway.upstream.tokens.entra import EntraClient
from tintype_gateway.upstream.tokens.google import GoogleClient
from tintype_gateway.upstream.tokens.session import TokenSession


class Identity(Protocol):
    """The identity that a cloud gives to the workload."""

    async def read(self, service: Service) -> Mapping[str, str]:
        """Return the current credentials for a service; an empty mapping if there are none."""

    async def close(self) -> None:
        """Release what the identity holds."""


class _AwsIdentity:
    """The identity that AWS gives. Its SDK takes 14 MiB: it is loaded when a binding needs it."""

    def __init__(self) -> None:
        self._found: Identity | None = None

    async def read(self, service: Service) -> Mapping[str, str]:
        """See `Identity`."""
        if self._found is None:
            self._found = await asyncio.to_thread(_load_aws_identity)
        return await self._found.read(service)

    async def close(self) -> None:
        """Do nothing: botocore opens a connection for each renewal."""


def _load_aws_identity() -> Identity:
    from tintype_gateway.upstream.aws_identity import AwsIdentity

    return AwsIdentity()


class TokenIdentity:
    """An identity whose credentials are access tokens, one for each scope."""

    def __init__(self, issuer: str, fetch: Callable[[str], Awaitable[Token]]) -> None:
        self._tokens = TokenCache(issuer, fetch)

    async def read(self, service: Service) -> Mapping[str, str]:
        """Return the current token of the service's scope; none if the issuer gives none."""
        if service.token_scope is None:
            return {}
        try:
            return {"access-token": await self._tokens.read(service.token_scope)}
        except TokenError:  # which the cache has logged
            return {}

    async def close(self) -> None:
        """Cancel what is being asked for."""
        await self._tokens.close()


@dataclass(frozen=True)
class Identities:
    """The identities of the workload by cloud. Each looks for its credentials when it is read."""

    by_cloud: Mapping[Workload, Identity]
    session: TokenSession

    @classmethod
    def of(cls, environment: Mapping[str, str], session: TokenSession) -> "Identities":
        """Return the identities that an environment can have; the session asks for tokens."""
        return cls(
            {
                "aws": _AwsIdentity(),
                "azure": TokenIdentity("Entra ID", EntraClient(session, environment).fetch),
                "google": TokenIdentity("Google", GoogleClient(session, environment).fetch),
            },
            session,
        )

    async def read(self, service: Service) -> Mapping[str, str]:
        """Return the credentials of the workload for a service; none if it has no identity."""
        identity = self.by_cloud.get(service.workload) if service.workload else None
        return {} if identity is None else await identity.read(service)

    async def close(self) -> None:
        """Cancel renewals, and close the session."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.session.close)
            for identity in self.by_cloud.values():
                stack.push_async_callback(identity.close)
