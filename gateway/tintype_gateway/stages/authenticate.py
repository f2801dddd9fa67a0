"""Who is asking?"""

from tintype_gateway.errors import AuthenticationError, ledger_unavailable
from tintype_gateway.ledger.errors import InvalidKeyError, LedgerUnavailableError
from tintype_gateway.ledger.interface import Caller, Ledger


async def authenticate(authorization: str | None, ledger: Ledger) -> Caller:
    """Return the account and key behind an `Authorization: Bearer <key>` header.

    Raises:
        AuthenticationError: The header is missing or malformed, or the key is not valid.
        UnavailableError: The ledger cannot be asked.
    """
    if not authorization:
        raise AuthenticationError("missing header `Authorization: Bearer <api key>`")
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise AuthenticationError("the Authorization header must be `Bearer <api key>`")
    try:
        return await ledger.authenticate(secret.strip())
    except InvalidKeyError as error:
        raise AuthenticationError(str(error)) from error
    except LedgerUnavailableError as error:
        raise ledger_unavailable() from error
