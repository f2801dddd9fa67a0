"""Is a token signed by its issuer, meant for us, and of this moment?

No message repeats a token, and PyJWT's own are not passed on: what is told is enough to mend the
token, and nothing to use it with.
"""

from typing import Any

import jwt

from tintype_gateway.auth.jwt.issuers import Issuer
from tintype_gateway.auth.jwt.jwks import VerificationKey
from tintype_gateway.errors import AuthenticationError

MAX_TOKEN_BYTES = 16 * 1024
"""The largest token that is looked at. Most have 1 or 2 KiB."""

Claims = dict[str, Any]


def unverified(token: str) -> tuple[Claims, Claims]:
    """Return header and claims, which are good for nothing but to find the issuer and its key.

    Raises:
        AuthenticationError: They cannot be read.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise refused(f"has more than {MAX_TOKEN_BYTES} bytes")
    try:
        parts = jwt.decode_complete(token.encode("ascii"), options={"verify_signature": False})
    except (jwt.InvalidTokenError, UnicodeEncodeError) as error:
        raise refused("is malformed") from error
    return parts["header"], parts["payload"]


def pinned_algorithm(algorithm: object, issuer: Issuer) -> str:
    """Return the token's algorithm, which must be one that its issuer signs with.

    Raises:
        AuthenticationError: It is another one, or none.
    """
    for pinned in issuer.algorithms:
        if algorithm == pinned:
            return pinned
    if algorithm == "none":
        raise refused("is not signed (`alg` is `none`)")
    expected = " or ".join(issuer.algorithms)
    raise refused(f"has another algorithm (`alg`) than its issuer signs with, {expected}")


def verified(token: str, key: VerificationKey, algorithm: str, issuer: Issuer) -> Claims:
    """Return the claims of a token that its issuer signed with this key, for us and for now.

    Raises:
        AuthenticationError: It is another one.
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
    """Return the error of a token; the reason goes on after `the token`."""
    return AuthenticationError(f"the token {reason}")
