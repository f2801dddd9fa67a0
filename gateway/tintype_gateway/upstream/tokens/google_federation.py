"""Workload identity federation of Google Cloud: a token of another issuer is exchanged for one.

A configuration file of the type `external_account` names the file of a subject token, such as that
of a Kubernetes ServiceAccount. The requests are those of google-auth's `identity_pool.Credentials`:
the security token service (RFC 8693), and then the IAM API where a service account is impersonated.
"""

import asyncio
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tintype_gateway.upstream.tokens.cache import Token, TokenError
from tintype_gateway.upstream.tokens.exchange import response_of, token_in, usable
from tintype_gateway.upstream.tokens.google_keys import (
    LIFE_SECONDS,
    document_of,
    google_url,
    text_of,
)
from tintype_gateway.upstream.tokens.session import TokenSession

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # a type's name
IAM_SCOPE = "https://www.googleapis.com/auth/iam"
"""The scope of a token that only asks for that of a service account."""

STS, IAM = "Google's token service", "Google's IAM API"


async def fetch_by_federation(
    session: TokenSession, document: Mapping[str, Any], scope: str
) -> Token:
    """Return a new token for the subject that a configuration file names.

    Raises:
        TokenError: The file is not such a configuration, its subject token cannot be read, or
            Google refuses it.
    """
    subject_token = await asyncio.to_thread(_subject_token, document)
    account = document.get("service_account_impersonation_url")
    form = {
        "grant_type": GRANT_TYPE,
        "audience": text_of(document, "audience"),
        "scope": scope if account is None else IAM_SCOPE,
        "requested_token_type": ACCESS_TOKEN_TYPE,
        "subject_token": subject_token,
        "subject_token_type": text_of(document, "subject_token_type"),
    }
    url = google_url(document, "token_url")
    response = await response_of(STS, session, "POST", url, secrets=[subject_token], data=form)
    token = token_in(STS, response.document)
    if account is None:
        return token
    return await _impersonated(session, document, token.value, scope)


async def _impersonated(
    session: TokenSession, document: Mapping[str, Any], token: str, scope: str
) -> Token:
    """Return a token of the service account, which the federated one asks for."""
    response = await response_of(
        IAM,
        session,
        "POST",
        google_url(document, "service_account_impersonation_url"),
        secrets=[token],
        headers={"Authorization": f"Bearer {token}"},
        json={"delegates": None, "scope": [scope], "lifetime": f"{LIFE_SECONDS}s"},
    )
    value, ends = response.document.get("accessToken"), response.document.get("expireTime")
    now = datetime.datetime.now(datetime.UTC)
    try:
        seconds = (datetime.datetime.fromisoformat(str(ends)) - now).total_seconds()
    except (TypeError, ValueError):
        seconds = float("nan")
    return usable(IAM, value, seconds)


def _subject_token(document: Mapping[str, Any]) -> str:
    """Return the current content of the subject token's file.

    Raises:
        TokenError: The source is none of files, or the file has no token.
    """
    source = document.get("credential_source")
    path = source.get("file") if isinstance(source, dict) else None
    if not isinstance(source, dict) or not isinstance(path, str):
        raise TokenError("`credential_source` has no `file`: no other source is supported")
    try:
        content = Path(path).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise TokenError(f"{path} cannot be read: {type(error).__name__}") from error
    form = source.get("format")
    if isinstance(form, dict) and form.get("type") == "json":
        return text_of(document_of(content), text_of(form, "subject_token_field_name"))
    if not content:
        raise TokenError(f"{path} is empty")
    return content
