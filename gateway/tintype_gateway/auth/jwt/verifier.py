"""Verifies JWTs, and returns the identity that a valid one stands for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import aiohttp

from tintype_gateway.auth.jwt.account_claim import ClaimError
from tintype_gateway.auth.jwt.issuers import Issuer, refused
from tintype_gateway.auth.jwt.jwks import JwksEndpoint, KeySource, OneKey, PublishedKeys

NOT_TRUSTED = "is of an issuer (`iss`) that is not trusted here"


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
        if not self.issuers:
            raise refused(NOT_TRUSTED)
        from tintype_gateway.auth.jwt.signatures import pinned_algorithm, unverified, verified

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
            raise refused(NOT_TRUSTED)
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
