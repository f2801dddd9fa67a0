"""Verifies JWTs, and returns the identity that a valid one stands for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp
import jwt

from tintype_gateway.auth.jwt.account_claim import ClaimError
from tintype_gateway.auth.jwt.issuers import Issuer
from tintype_gateway.auth.jwt.jwks import (
    JwksEndpoint,
    KeySource,
    OneKey,
    PublishedKeys,
    VerificationKey,
)
from tintype_gateway.errors import AuthenticationError

MAX_TOKEN_BYTES = 16 * 1024
"""The largest token, in bytes. Most have 1 or 2 KiB."""

Claims = dict[str, Any]


def unverified(token: str) -> tuple[Claims, Claims]:
    """Return the unverified header and claims, only to find the issuer and its key.

    Raises:
        AuthenticationError: The token cannot be parsed.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise refused(f"has more than {MAX_TOKEN_BYTES} bytes")
    try:
        parts = jwt.decode_complete(token.encode("ascii"), options={"verify_signature": False})
    except (jwt.InvalidTokenError, UnicodeEncodeError) as error:
        raise refused("is malformed") from error
    return parts["header"], parts["payload"]


def pinned_algorithm(algorithm: object, issuer: Issuer) -> str:
    """Return the token's algorithm, which must be one of its issuer's.

    Raises:
        AuthenticationError: The algorithm is another one, or missing.
    """
    for pinned in issuer.algorithms:
        if algorithm == pinned:
            return pinned
    if algorithm == "none":
        raise refused("is not signed (`alg` is `none`)")
    expected = " or ".join(issuer.algorithms)
    raise refused(f"has another algorithm (`alg`) than its issuer signs with, {expected}")


def verified(token: str, key: VerificationKey, algorithm: str, issuer: Issuer) -> Claims:
    """Return the claims of a valid token: signature, audience and times are verified.

    Raises:
        AuthenticationError: The token is not valid.
    """
    if key.algorithm not in (None, algorithm):
        raise refused("has another algorithm (`alg`) than its key is for")
    try:
        return jwt.decode(
            token,
            key.key,
            algorithms=[algorithm],
            audience=issuer.audiences,
            issuer=issuer.issuer,
            leeway=issuer.clock_skew_seconds,
            options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
        )
    except (jwt.PyJWTError, TypeError) as error:  # TypeError: a key of another kind
        raise refused(_reason(error, issuer)) from error


def _reason(error: Exception, issuer: Issuer) -> str:
    match error:
        case jwt.ExpiredSignatureError():
            return "has expired"
        case jwt.ImmatureSignatureError():
            return "is not valid yet"
        case jwt.InvalidAudienceError():
            return f"is for another audience (`aud`) than {' or '.join(issuer.audiences)}"
        case jwt.MissingRequiredClaimError():
            return f"has no claim `{error.claim}`"
        case jwt.InvalidSignatureError():
            return "has a signature that its issuer did not make"
        case jwt.InvalidKeyError() | TypeError():
            return "is signed with a key that is too weak, or not for its algorithm"
    return "is malformed"


def refused(reason: str) -> AuthenticationError:
    """Return the error of a token; the reason continues the words `the token`."""
    return AuthenticationError(f"the token {reason}")


@dataclass(frozen=True)
class Identity:
    """The identity that a valid token stands for."""

    account: str
    issuer: str
    auto_create_micro: int | None
    """The initial micro-credits to open the account with, or None if it must already exist."""

    max_accounts: int = 0
    """The most accounts that the issuer's tokens may open."""


@dataclass(frozen=True)
class TrustedIssuer:
    """An issuer and its keys."""

    settings: Issuer
    keys: KeySource


@dataclass(frozen=True)
class JwtVerifier:
    """Verifies the tokens of any number of issuers. Without issuers, it refuses all tokens."""

    issuers: Mapping[str, TrustedIssuer] = field(default_factory=dict)

    async def verify(self, token: str) -> Identity:
        """Return the identity that a token stands for.

        Raises:
            AuthenticationError: The token is not valid; the message says why.
            UnavailableError: The keys of its issuer cannot be read.
        """
        header, claims = unverified(token)
        issuer = self._issuer(claims.get("iss"))
        settings = issuer.settings
        algorithm = pinned_algorithm(header.get("alg"), settings)
        key = await issuer.keys.find(header.get("kid"))
        if key is None:
            raise refused("names none of the keys (`kid`) that its issuer publishes")
        claims = verified(token, key, algorithm, settings)
        try:
            account = settings.account(claims)
        except ClaimError as error:
            raise refused(str(error)) from error
        return Identity(
            account,
            settings.issuer,
            settings.auto_create_micro(claims),
            settings.auto_create_max_accounts,
        )

    def _issuer(self, name: object) -> TrustedIssuer:
        if name is None:
            raise refused("has no claim `iss`")
        issuer = self.issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise refused("is of an issuer (`iss`) that is not trusted here")
        return issuer


def create_verifier(issuers: Iterable[Issuer], session: aiohttp.ClientSession) -> JwtVerifier:
    """Return the verifier of these issuers, which requests published keys when it needs them."""
    trusted = (TrustedIssuer(issuer, _keys(issuer, session)) for issuer in issuers)
    return JwtVerifier({issuer.settings.issuer: issuer for issuer in trusted})


def _keys(issuer: Issuer, session: aiohttp.ClientSession) -> KeySource:
    if issuer.public_key is not None:
        return OneKey(issuer.public_key)
    endpoint = JwksEndpoint(issuer.jwks_url, issuer.ca_file, issuer.bearer_token_file)
    return PublishedKeys(issuer.issuer, partial(endpoint.read, session))
