"""An issuer whose tokens are accepted, as the file of issuers describes it."""

import ipaddress
import ssl
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    FilePath,
    PlainValidator,
    model_validator,
)

from tintype_catalog.contract import Contract
from tintype_gateway.jwt_auth.account_claim import AccountClaim
from tintype_gateway.jwt_auth.jwks import VerificationKey, read_pem

MICRO_CREDITS = 1_000_000

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
"""Signatures that only the issuer can make. With HMAC, whoever checks a token could also issue one;
`none` is no signature at all."""

Text = Annotated[str, Field(min_length=1, max_length=1000)]


def _https(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ValueError("must begin with https://, but on a loopback address")
    if not parts.hostname:
        raise ValueError("must name a host")
    return url


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _certificates(path: Path) -> Path:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise ValueError("holds no certificates in PEM") from error
    return path


def _account_claim(text: object) -> AccountClaim:
    return AccountClaim.parse(text if isinstance(text, str) else "")


def _public_key(path: object) -> VerificationKey:
    if not isinstance(path, str):
        raise ValueError("must be the path of a file")
    return read_pem(Path(path))


class Issuer(Contract):
    """An issuer, what its tokens must be like, and who pays for their bearers."""

    issuer: Text
    """The `iss` of its tokens, to the letter."""

    audiences: Annotated[tuple[Text, ...], Field(min_length=1)]
    """A token must have one of these in its `aud`."""

    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)]
    """The algorithms that it signs with. Nothing else is tried, whatever a token says."""

    jwks_url: Annotated[Text, AfterValidator(_https)] = ""
    """Where it publishes its keys."""

    ca_file: Annotated[FilePath, AfterValidator(_certificates)] | None = None
    """Certificates (PEM) to trust for this URL instead of the system's."""

    bearer_token_file: FilePath | None = None
    """A token to send to this URL, read each time."""

    public_key: Annotated[VerificationKey, PlainValidator(_public_key)] | None = Field(
        default=None, alias="publicKeyFile"
    )
    """Its only key (PEM), instead of a URL; read at the start."""

    account_claim: Annotated[AccountClaim, PlainValidator(_account_claim)] = AccountClaim.parse(
        "sub"
    )
    """The claim that names the account, or a template of several."""

    auto_create_credits: Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=6)] | None = None
    """The first credits of an account that is not there yet; None: its bearers are refused."""

    clock_skew_seconds: Annotated[int, Field(ge=0, le=300)] = 30
    """How far its clock may be from ours."""

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> Self:
        if bool(self.jwks_url) == bool(self.public_key):
            raise ValueError("must have either jwksUrl or publicKeyFile")
        if not self.jwks_url and (self.ca_file or self.bearer_token_file):
            raise ValueError("caFile and bearerTokenFile go with jwksUrl")
        return self

    @property
    def auto_create_micro(self) -> int | None:
        """The first micro-credits of an account that is not there yet."""
        grant = self.auto_create_credits
        return None if grant is None else int(grant * MICRO_CREDITS)
