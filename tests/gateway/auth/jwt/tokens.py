"""Tokens good and bad, and a verifier to judge them."""

import base64
import hmac
import json
from typing import Any

import pytest

from tests.gateway.auth.jwt.support import issuer, key_set, signing_key
from tintype_gateway.auth.jwt.issuers import Issuer
from tintype_gateway.auth.jwt.jwks import PublishedKeys
from tintype_gateway.auth.jwt.keys import parse_jwks
from tintype_gateway.auth.jwt.verifier import JwtVerifier, TrustedIssuer
from tintype_gateway.errors import AuthenticationError

URL = "https://issuer.example/keys"

KEY = signing_key("first")
"""What the issuer signs with."""


def verifier(settings: Issuer | None = None, *entries: dict[str, Any]) -> JwtVerifier:
    """Return a verifier that trusts one issuer, which publishes `KEY` or these entries."""
    document = json.dumps({"keys": entries}).encode() if entries else key_set(KEY)

    async def read() -> Any:
        return parse_jwks(document)

    settings = settings or issuer(jwksUrl=URL)
    keys = PublishedKeys(settings.issuer, read)
    return JwtVerifier({settings.issuer: TrustedIssuer(settings, keys)})


def packed(header: object, token: object, signature: bytes = b"") -> str:
    """Return a token of any content at all."""
    parts = [json.dumps(header).encode(), json.dumps(token).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def by_shared_secret(header: object, token: object, secret: bytes) -> str:
    """Return a token with an HMAC, which PyJWT refuses to make with a public key."""
    content = packed(header, token).rpartition(".")[0].encode()
    return packed(header, token, hmac.digest(secret, content, "sha256"))


def altered(signed: str, token: object) -> str:
    """Return a token with other claims and the old signature."""
    header, _, signature = signed.split(".")
    return f"{header}.{packed({}, token).split('.')[1]}.{signature}"


async def refusal(jwts: JwtVerifier, token: str) -> str:
    """Return the message for the bearer, which must reveal nothing of the token."""
    with pytest.raises(AuthenticationError) as caught:
        await jwts.verify(token)
    assert caught.value.status == 401
    message = caught.value.message
    assert message.startswith("the token ")
    assert not any(part in message for part in token.split(".") if len(part) > 8)
    return message.removeprefix("the token ")
