"""Access tokens of Google Cloud: of the gateway's own workload, and of key files in Secrets.

The workload's identity is found as Google's SDKs find the Application Default Credentials: the file
that `GOOGLE_APPLICATION_CREDENTIALS` names, else the metadata server.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tintype_catalog.providers import Service
from tintype_gateway.upstream.tokens.cache import Token, TokenCache, TokenError
from tintype_gateway.upstream.tokens.google_federation import fetch_by_federation
from tintype_gateway.upstream.tokens.google_keys import document_of, fetch_by_key
from tintype_gateway.upstream.tokens.google_metadata import fetch_from_metadata
from tintype_gateway.upstream.tokens.session import TokenSession

CREDENTIALS_FILE = "GOOGLE_APPLICATION_CREDENTIALS"


@dataclass(frozen=True)
class GoogleClient:
    """Asks for tokens of the workload's own identity."""

    session: TokenSession
    environment: Mapping[str, str]
    """The environment of the process."""

    async def fetch(self, scope: str) -> Token:
        """Return a new token for a scope.

        Raises:
            TokenError: The workload has no identity, or Google refuses it.
        """
        file = self.environment.get(CREDENTIALS_FILE)
        if not file:
            return await fetch_from_metadata(self.session, self.environment, scope)
        document = document_of(await asyncio.to_thread(_content, file))
        if document.get("type") == "external_account":
            return await fetch_by_federation(self.session, document, scope)
        return await fetch_by_key(self.session, document, scope)


def _content(file: str) -> str:
    try:
        return Path(file).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise TokenError(f"{file} cannot be read: {type(error).__name__}") from error


@dataclass(frozen=True)
class _Wanted:
    """What a token is asked for with."""

    scope: str
    key_file: str = field(repr=False)


class KeyFiles:
    """The tokens of the key files in Secrets.

    Only keys of service accounts are used: a configuration of federation names files of the gateway
    and where to send them, which is not for the owner of a Secret to choose.
    """

    def __init__(self, session: TokenSession) -> None:
        self._session = session
        self._tokens = TokenCache("Google", self._fetch)

    async def read(self, service: Service, key_file: str) -> Mapping[str, str]:
        """Return the current token of a key file for a service; none if Google gives none."""
        if service.token_scope is None:
            return {}
        try:
            token = await self._tokens.read(_Wanted(service.token_scope, key_file))
        except TokenError:  # which the cache has logged
            return {}
        return {"access-token": token}

    async def close(self) -> None:
        """Cancel what is being asked for."""
        await self._tokens.close()

    async def _fetch(self, wanted: _Wanted) -> Token:
        return await fetch_by_key(self._session, document_of(wanted.key_file), wanted.scope)
