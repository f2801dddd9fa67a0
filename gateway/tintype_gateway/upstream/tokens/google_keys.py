"""Key files of Google Cloud's service accounts: an assertion by the key is exchanged for a token.

The assertion is the one of google-auth's `service_account.Credentials`: a JWT that the account's
key signs with RS256 (RFC 7523).
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tintype_gateway.upstream.tokens.cache import Token, TokenError
from tintype_gateway.upstream.tokens.exchange import response_of, token_in
from tintype_gateway.upstream.tokens.session import TokenSession

ISSUER = "Google"

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"

AUDIENCE = "https://oauth2.googleapis.com/token"
"""The audience of every assertion, whatever the `token_uri` of a file is."""

LIFE_SECONDS = 3600
"""The longest life that Google accepts."""


@dataclass(frozen=True)
class ServiceAccountKey:
    """What a key file says."""

    email: str
    key_id: str | None
    private_key: str = field(repr=False)
    token_uri: str = AUDIENCE

    def assertion(self, scope: str, now: float) -> str:
        """Return the signed assertion at a time in Unix seconds. This takes a millisecond.

        Raises:
            TokenError: The private key is not an RSA key in the PEM format.
        """
        claims = {
            "iss": self.email,
            "scope": scope,
            "aud": AUDIENCE,
            "iat": int(now),
            "exp": int(now) + LIFE_SECONDS,
        }
        import jwt  # whose cryptography takes 9 MiB

        headers = None if self.key_id is None else {"kid": self.key_id}
        try:
            return jwt.encode(claims, self.private_key, "RS256", headers)
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            # What it says may quote the key.
            raise TokenError("`private_key` of the credentials file is not an RSA key") from error


async def fetch_by_key(session: TokenSession, document: Mapping[str, Any], scope: str) -> Token:
    """Return a new token of the service account of a key file.

    Raises:
        TokenError: The file is not such a key, or Google refuses it.
    """
    key = key_in(document)
    assertion = await asyncio.to_thread(key.assertion, scope, time.time())
    form = {"grant_type": GRANT_TYPE, "assertion": assertion}
    response = await response_of(
        ISSUER, session, "POST", key.token_uri, secrets=[assertion], data=form
    )
    return token_in(ISSUER, response.document)


def key_in(document: Mapping[str, Any]) -> ServiceAccountKey:
    """Return the key in a key file.

    Raises:
        TokenError: A field is missing, or `token_uri` is not of Google.
    """
    if document.get("type") != "service_account":
        raise TokenError("`type` of the credentials file is not `service_account`")
    email, private_key = text_of(document, "client_email"), text_of(document, "private_key")
    key_id = document.get("private_key_id")
    return ServiceAccountKey(
        email,
        key_id if isinstance(key_id, str) else None,
        private_key,
        google_url(document, "token_uri") if "token_uri" in document else AUDIENCE,
    )


def document_of(text: str) -> Mapping[str, Any]:
    """Return the JSON object of a file.

    Raises:
        TokenError: It is none.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise TokenError("the credentials file is not a JSON object")
    return document


def text_of(document: Mapping[str, Any], field: str) -> str:
    """Return a text of a file, or raise TokenError."""
    value = document.get(field)
    if not isinstance(value, str) or not value:
        raise TokenError(f"the credentials file has no `{field}`")
    return value


def google_url(document: Mapping[str, Any], field: str) -> str:
    """Return a URL of a file that leads to Google.

    The session of token clients reaches any address. The owner of a Secret must not be able to
    send it elsewhere, so only https and Google's hosts are accepted.

    Raises:
        TokenError: It leads elsewhere.
    """
    url = text_of(document, field)
    if not _leads_to_google(url):
        raise TokenError(f"`{field}` of the credentials file is not an https URL of googleapis.com")
    return url


def _leads_to_google(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    is_google = host == "accounts.google.com" or host.endswith(".googleapis.com")
    is_plain = url.isascii() and url.isprintable() and not set("@\\") & set(parts.netloc)
    return parts.scheme == "https" and is_google and is_plain and port in (None, 443)
