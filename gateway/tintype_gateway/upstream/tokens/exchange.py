"""One request to an issuer of tokens, and the token in its response."""

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import aiohttp

from tintype_gateway.dialects.common import retry_after
from tintype_gateway.observability.access_log import REMOVED, shown
from tintype_gateway.upstream.tokens.cache import Token, TokenError
from tintype_gateway.upstream.tokens.session import TokenSession, body_of

_LONGEST_CAUSE = 500


class IssuerResponse(NamedTuple):
    """A response of status 200."""

    document: Mapping[str, Any]
    """Its JSON object, empty where it has none."""

    headers: Mapping[str, str]
    """Its headers, with names in lower case."""


class RefusedError(TokenError):
    """The issuer responds with another status than 200."""

    def __init__(self, message: str, status: int, retry_after_seconds: float | None) -> None:
        super().__init__(message, retry_after_seconds)
        self.status = status


class UnreachableError(TokenError):
    """There is no connection to the issuer."""

    def __init__(self, message: str, *, is_known: bool) -> None:
        """Say why; `is_known` tells whether the issuer's name has an address."""
        super().__init__(message)
        self.is_known = is_known


async def response_of(
    issuer: str,
    session: TokenSession,
    method: str,
    url: str,
    *,
    secrets: Collection[str] = (),
    headers: Mapping[str, str] | None = None,
    **body: Any,
) -> IssuerResponse:
    """Return the response of an issuer.

    Args:
        issuer: Its name, for messages.
        session: The session of token clients. No redirect is followed.
        method: The HTTP method.
        url: The URL.
        secrets: What a message must not quote.
        headers: Further headers.
        body: The body as aiohttp takes it: `data`, a form, or `json`.

    Raises:
        UnreachableError: There is no connection.
        RefusedError: The status is another one than 200.
    """
    sent = {"Accept": "application/json", **(headers or {})}
    try:
        async with session.open().request(
            method, url, headers=sent, allow_redirects=False, **body
        ) as response:
            content = await body_of(response)
    except (aiohttp.ClientError, OSError) as error:
        is_known = not isinstance(error, aiohttp.ClientConnectorDNSError)
        message = f"no connection to {issuer}: {type(error).__name__}"
        raise UnreachableError(message, is_known=is_known) from error
    received = {name.lower(): value for name, value in response.headers.items()}
    document = _document(content)
    if response.status == 200:
        return IssuerResponse(document, received)
    why = "".join(f": {part}" for part in _described(document))
    for secret in secrets:
        why = why.replace(secret, REMOVED)
    message = shown(f"{issuer} responds with status {response.status}{why}", _LONGEST_CAUSE)
    raise RefusedError(message, response.status, retry_after(received))


def token_in(issuer: str, document: Mapping[str, Any]) -> Token:
    """Return the token in a response by RFC 6749.

    Raises:
        TokenError: There is none that a header can carry, or its life is not told.
    """
    try:
        seconds = float(document["expires_in"])
    except (KeyError, TypeError, ValueError):
        seconds = float("nan")
    return usable(issuer, document.get("access_token"), seconds)


def usable(issuer: str, value: object, seconds: float) -> Token:
    """Return the token of this value that is valid for so long.

    Raises:
        TokenError: No header can carry it, or it is not valid at all.
    """
    is_usable = isinstance(value, str) and value.isascii() and value.isprintable()
    if not is_usable or not value or not 0 < seconds < float("inf"):
        raise TokenError(f"the response of {issuer} has no usable token")
    return Token(str(value), seconds)


def _described(document: Mapping[str, Any]) -> list[str]:
    """Return what an error says, by RFC 6749 or in the form of Google's APIs."""
    error = document.get("error")
    if isinstance(error, dict):
        parts = (error.get("status"), error.get("message"))
    else:
        parts = (error, document.get("error_description"))
    return [part for part in parts if isinstance(part, str)]


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
