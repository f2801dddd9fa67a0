"""Tokens of Microsoft Entra ID for the workload identity of a pod in AKS.

The webhook of AKS gives a pod a projected ServiceAccount token and names the identity that it may
be exchanged for. The request is the one of azure-identity's `WorkloadIdentityCredential`: the
client credentials grant with a JWT assertion (RFC 7523).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from tintype_gateway.upstream.tokens.cache import Token, TokenError
from tintype_gateway.upstream.tokens.exchange import response_of, token_in
from tintype_gateway.upstream.tokens.session import TokenSession

PUBLIC_CLOUD = "https://login.microsoftonline.com"

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_NEEDED = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")

_ISSUER = "Entra ID"


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
        secrets = [identity.assertion]
        response = await response_of(
            _ISSUER, self.session, "POST", identity.token_url, secrets=secrets, data=form
        )
        return token_in(_ISSUER, response.document)


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
