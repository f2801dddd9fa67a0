"""Tokens of Microsoft Entra ID for the workload identity of a pod in AKS.

The webhook of AKS gives a pod a projected ServiceAccount token and names the identity that it may
be exchanged for. The request is the one of azure-identity's `WorkloadIdentityCredential`: the
client credentials grant with a JWT assertion (RFC 7523).
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

from tintype_gateway.dialects.common import retry_after
from tintype_gateway.observability.access_log import REMOVED, shown
from tintype_gateway.upstream.tokens.cache import Token, TokenError
from tintype_gateway.upstream.tokens.session import TokenSession, body_of

PUBLIC_CLOUD = "https://login.microsoftonline.com"

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_NEEDED = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")

_LONGEST_CAUSE = 500


@dataclass(frozen=True)
class _Identity:
    """What the pod may become, and the token by which it shows that."""

    client_id: str
    token_url: str
    assertion: str = field(repr=False)


@dataclass(frozen=True)
class EntraClient:
    """Exchanges the pod's ServiceAccount token for access tokens."""

    session: TokenSession
    environment: Mapping[str, str]
    """The environment of the process, with the variables that AKS sets."""

    async def fetch(self, scope: str) -> Token:
        """Return a new token for a scope, such as `https://cognitiveservices.azure.com/.default`.

        Raises:
            TokenError: The pod has no such identity, or Entra ID refuses it.
        """
        identity = await asyncio.to_thread(_identity, self.environment)
        form = {
            "grant_type": "client_credentials",
            "client_id": identity.client_id,
            "scope": scope,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": identity.assertion,
        }
        try:
            async with self.session.open().post(
                identity.token_url,
                data=form,
                headers={"Accept": "application/json"},
                allow_redirects=False,
            ) as response:
                body = await body_of(response)
        except (aiohttp.ClientError, OSError) as error:
            raise TokenError(f"no connection to Entra ID: {type(error).__name__}") from error
        if response.status == 200:
            return _token(body)
        headers = {name.lower(): value for name, value in response.headers.items()}
        why = _described(body).replace(identity.assertion, REMOVED)
        raise TokenError(
            shown(f"Entra ID responds with status {response.status}{why}", _LONGEST_CAUSE),
            retry_after(headers),
        )


def _identity(environment: Mapping[str, str]) -> _Identity:
    """Return the identity in an environment, with the current content of its token's file.

    The kubelet replaces the file long before the token in it ends.

    Raises:
        TokenError: A variable is not set or not valid, or the file cannot be read.
    """
    if missing := [name for name in _NEEDED if not environment.get(name)]:
        raise TokenError(
            f"{', '.join(missing)} not set: the pod needs the label azure.workload.identity/use, "
            "and its ServiceAccount the annotation azure.workload.identity/client-id"
        )
    client, tenant, file = (environment[name] for name in _NEEDED)
    try:
        assertion = Path(file).read_text("ascii").strip()
    except (OSError, UnicodeError) as error:
        raise TokenError(f"{file} cannot be read: {type(error).__name__}") from error
    if not assertion:
        raise TokenError(f"{file} is empty")
    url = f"{_authority(environment)}/{quote(tenant, safe='')}/oauth2/v2.0/token"
    return _Identity(client, url, assertion)


def _authority(environment: Mapping[str, str]) -> str:
    """Return the base URL of Entra ID. One without a scheme is of https, as for the SDKs."""
    host = environment.get("AZURE_AUTHORITY_HOST") or PUBLIC_CLOUD
    url = host if "://" in host else f"https://{host}"
    try:
        is_usable = urlsplit(url).scheme == "https" and bool(urlsplit(url).hostname)
    except ValueError:
        is_usable = False
    if not is_usable:
        raise TokenError("AZURE_AUTHORITY_HOST is not a URL of https")
    return url.rstrip("/")


def _token(body: bytes) -> Token:
    """Return the token in a response.

    Raises:
        TokenError: There is none that a header can carry, or its life is not told.
    """
    document = _document(body)
    value = document.get("access_token")
    try:
        seconds = float(document["expires_in"])
    except (KeyError, TypeError, ValueError):
        seconds = float("nan")
    is_usable = isinstance(value, str) and value.isascii() and value.isprintable()
    if not is_usable or not value or not 0 < seconds < float("inf"):
        raise TokenError("the response of Entra ID has no usable token")
    return Token(value, seconds)


def _described(body: bytes) -> str:
    """Return what an error says, such as `: invalid_client: AADSTS70021: ...`."""
    document = _document(body)
    parts = (document.get("error"), document.get("error_description"))
    return "".join(f": {part}" for part in parts if isinstance(part, str))


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
