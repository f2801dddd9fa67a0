"""Identifies the caller of a request by API key or JWT."""

from tintype_gateway.auth.jwt.verifier import Identity, JwtVerifier
from tintype_gateway.errors import AuthenticationError, ForbiddenError, ledger_unavailable
from tintype_gateway.ledger.errors import (
    AccountLimitError,
    AccountNotFoundError,
    AccountSuspendedError,
    InvalidKeyError,
    LedgerUnavailableError,
)
from tintype_gateway.ledger.interface import Account, Author, Caller, Ledger
from tintype_gateway.ledger.validation import SUSPENDED
from tintype_gateway.observability.spans import traced


@traced("authenticate")
async def authenticate(authorization: str | None, ledger: Ledger, jwts: JwtVerifier) -> Caller:
    """Return the account behind an `Authorization: Bearer` header with an API key or a JWT.

    Raises:
        AuthenticationError: The header is missing or malformed, or the key or JWT is not valid.
        ForbiddenError: The account is suspended.
        UnavailableError: The ledger or the issuer of the JWT is unavailable.
    """
    secret = _bearer(authorization)
    try:
        if secret.count(".") == 2:  # a JWT has three parts, and API keys have no dot
            return await _caller(await jwts.verify(secret), ledger)
        return await ledger.authenticate(secret)
    except InvalidKeyError as error:
        raise AuthenticationError(str(error)) from error
    except AccountSuspendedError as error:
        raise ForbiddenError(str(error), code="account_suspended") from error
    except LedgerUnavailableError as error:
        raise ledger_unavailable() from error


def _bearer(authorization: str | None) -> str:
    if not authorization:
        raise AuthenticationError("missing header `Authorization: Bearer <api key>`")
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise AuthenticationError("the Authorization header must be `Bearer <api key>`")
    if not secret.isascii():  # invalid UTF-8 arrives as surrogates, which cannot be encoded
        raise AuthenticationError(
            "the Authorization header has characters that keys cannot contain"
        )
    return secret.strip()


async def _caller(identity: Identity, ledger: Ledger) -> Caller:
    try:
        account = await _account(identity, ledger)
    except (AccountNotFoundError, AccountLimitError) as error:
        raise AuthenticationError(f"the token names an unknown account: {error}") from error
    except ValueError as error:
        raise AuthenticationError(f"the token names an impossible account: {error}") from error
    if account.suspended:
        raise AccountSuspendedError(SUSPENDED.format(account.name))
    return account.policy.caller(account.name, f"jwt:{identity.issuer}")


async def _account(identity: Identity, ledger: Ledger) -> Account:
    """Return the caller of a token; open its account if the issuer's settings allow it."""
    if identity.auto_create_micro is None:
        return await ledger.account(identity.account)
    return await ledger.ensure_account(
        identity.account,
        issuer=identity.issuer,
        max_accounts=identity.max_accounts,
        credits_micro=identity.auto_create_micro,
        author=Author("token_issuer", identity.issuer),
    )
