"""The issuers whose JWTs the gateway accepts, as the file of issuers describes them."""

import ipaddress
import json
import ssl
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import (
    AfterValidator,
    Field,
    FilePath,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from tintype_catalog.contract import Contract
from tintype_gateway.auth.jwt.account_claim import (
    NAMESPACE,
    SUBJECT,
    AccountClaim,
    ClaimError,
    namespace_of,
)
from tintype_gateway.auth.jwt.verification_key import VerificationKey
from tintype_gateway.errors import AuthenticationError

MICRO_CREDITS = 1_000_000

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
"""The allowed signature algorithms: asymmetric ones. With HMAC, a verifier could also issue tokens;
`none` is not a signature."""

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
    from tintype_gateway.auth.jwt.keys import read_pem

    return read_pem(Path(path))


def refused(reason: str) -> AuthenticationError:
    """Return the error of a token; the reason continues the words `the token`."""
    return AuthenticationError(f"the token {reason}")


class Issuer(Contract):
    """An issuer, the requirements for its tokens, and the accounts that they use."""

    issuer: Text
    """The exact `iss` of its tokens."""

    audiences: Annotated[tuple[Text, ...], Field(min_length=1)]
    """A token must have one of these in its `aud`."""

    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)]
    """The algorithms that the issuer signs with. Tokens with another `alg` are refused."""

    jwks_url: Annotated[Text, AfterValidator(_https)] = ""
    """The URL of the issuer's JSON Web Key Set."""

    ca_file: Annotated[FilePath, AfterValidator(_certificates)] | None = None
    """A file of CA certificates (PEM) for this URL, in place of the system's."""

    bearer_token_file: FilePath | None = None
    """A file with a bearer token for this URL, read for each request."""

    public_key: Annotated[VerificationKey, PlainValidator(_public_key)] | None = Field(
        default=None, alias="publicKeyFile"
    )
    """A file with the issuer's only key (PEM), in place of a URL; read at the start."""

    account_claim: Annotated[AccountClaim, PlainValidator(_account_claim)] | None = None
    """The claim that names the account, or a template of several. By default the namespace of a
    Kubernetes ServiceAccount, and `sub` in every other token."""

    account_prefix: Annotated[str, Field(max_length=200)] | None = None
    """The prefix of the names of its accounts, before the text of the claim."""

    accounts: tuple[Text, ...] | None = None
    """The only accounts that its tokens may name, with the prefix. None: no restriction."""

    auto_create_credits: Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=6)] | None = None
    """The initial credits of an account that does not exist yet; None: its tokens are refused."""

    auto_create_namespaces: tuple[Text, ...] = ()
    """The namespaces whose ServiceAccounts may open accounts; `*`: all."""

    auto_create_max_accounts: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """The most accounts that its tokens may open in total."""

    clock_skew_seconds: Annotated[int, Field(ge=0, le=300)] = 30
    """The tolerated difference between the issuer's clock and the gateway's, in seconds."""

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> Self:
        if bool(self.jwks_url) == bool(self.public_key):
            raise ValueError("must have either jwksUrl or publicKeyFile")
        if not self.jwks_url and (self.ca_file or self.bearer_token_file):
            raise ValueError("caFile and bearerTokenFile go with jwksUrl")
        return self

    @model_validator(mode="after")
    def _names_its_accounts(self) -> Self:
        has_prefix = self.account_claim is not None and self.account_claim.texts[0]
        if self.account_prefix is None and self.accounts is None and not has_prefix:
            raise ValueError(
                "must say which accounts its tokens may name: by accountPrefix, which their names "
                'then begin with (with "" they may name any account), or by accounts, a list'
            )
        return self

    def account(self, token: Mapping[str, Any]) -> str:
        """Return the name of the account that a token uses.

        Raises:
            ClaimError: The token names no account, or one that its issuer may not use.
        """
        claim = self.account_claim or (SUBJECT if namespace_of(token) is None else NAMESPACE)
        name = f"{self.account_prefix or ''}{claim.account(token)}"
        if self.accounts is not None and name not in self.accounts:
            raise ClaimError(f"names the account {name!r}, which is not one of its issuer's")
        return name

    def auto_create_micro(self, token: Mapping[str, Any]) -> int | None:
        """Return the initial micro-credits of an account that a token opens; None if it may not."""
        namespace, namespaces = namespace_of(token), self.auto_create_namespaces
        is_listed = namespace in namespaces or (namespace is not None and "*" in namespaces)
        if self.auto_create_credits is None or not (
            is_listed or (namespace is None and not namespaces)
        ):
            return None
        return int(self.auto_create_credits * MICRO_CREDITS)


_ISSUERS = TypeAdapter(tuple[Issuer, ...])


def read_issuers(path: Path) -> tuple[Issuer, ...]:
    """Return the issuers that a file lists.

    Raises:
        ValueError: The file cannot be read or is invalid. The message is one line that names the
            file and each field.
    """
    try:
        document = yaml.safe_load(path.read_bytes())
        issuers = _ISSUERS.validate_json(json.dumps(document, default=str))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ValueError(f"{path}: {_problems(error)}") from error
    except yaml.MarkedYAMLError as error:  # its text quotes the file
        where = error.problem_mark
        line = f", in line {where.line + 1}" if where else ""
        raise ValueError(f"{path} is not plain YAML: {error.problem}{line}") from error
    except (yaml.YAMLError, TypeError, ValueError) as error:  # more than JSON can hold
        raise ValueError(f"{path} is not plain YAML: {' '.join(str(error).split())}") from error
    names = [issuer.issuer for issuer in issuers]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{path}: {name} is listed more than once")
    return issuers


def _problems(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, detail['loc'])) or 'the file'}: "
        f"{detail['msg'].removeprefix('Value error, ')}"
        for detail in error.errors(include_url=False)
    )
