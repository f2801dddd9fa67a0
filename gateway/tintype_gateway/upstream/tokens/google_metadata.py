"""Tokens of the metadata server of Google Cloud, as GKE gives them to a workload identity.

The request is the one of google-auth's `compute_engine.Credentials`. A metadata server refuses
connections, or responds with an error, for some seconds after the start of a pod.
"""

import asyncio
import re
from collections.abc import Mapping

import aiohttp

from tintype_gateway.upstream.tokens.cache import FETCH_SECONDS, Token, TokenError
from tintype_gateway.upstream.tokens.exchange import (
    IssuerResponse,
    RefusedError,
    UnreachableError,
    response_of,
    token_in,
)
from tintype_gateway.upstream.tokens.session import TokenSession

ISSUER = "the metadata server"

HOST = "metadata.google.internal"

PATH = "/computeMetadata/v1/instance/service-accounts/default/token"

PATIENCE_SECONDS = FETCH_SECONDS - 2
"""How long a server that is not ready is asked again."""

ATTEMPT_SECONDS = 3.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.6

_NOT_READY = frozenset({408, 429, 500, 502, 503, 504})


async def fetch_from_metadata(
    session: TokenSession, environment: Mapping[str, str], scope: str
) -> Token:
    """Return a new token of the workload's own service account.

    Raises:
        TokenError: There is no metadata server, or it gives no token.
    """
    loop = asyncio.get_running_loop()
    last = loop.time() + PATIENCE_SECONDS
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            response = await _ask(session, environment, scope)
            break
        except TokenError as error:
            if not _may_become_ready(error) or loop.time() + pause > last:
                raise
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    if response.headers.get("metadata-flavor") != "Google":
        raise TokenError(f"{ISSUER} is not that of Google Cloud")
    return token_in(ISSUER, response.document)


async def _ask(session: TokenSession, environment: Mapping[str, str], scope: str) -> IssuerResponse:
    host = environment.get("GCE_METADATA_HOST") or HOST
    if not re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", host, re.ASCII):
        raise TokenError("GCE_METADATA_HOST is not a host and a port")
    return await response_of(
        ISSUER,
        session,
        "GET",
        f"http://{host}{PATH}",
        headers={"Metadata-Flavor": "Google"},
        params={"scopes": scope},
        timeout=aiohttp.ClientTimeout(total=ATTEMPT_SECONDS),
    )


def _may_become_ready(error: TokenError) -> bool:
    """Return whether to ask again. A name without an address is that of another cloud."""
    if isinstance(error, UnreachableError):
        return error.is_known
    return isinstance(error, RefusedError) and error.status in _NOT_READY
