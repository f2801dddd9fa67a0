"""Parses tokens and verifies their signatures. It is loaded with the first token of an issuer."""

from typing import Any

import jwt

from tintype_gateway.auth.jwt.issuers import Issuer, refused
from tintype_gateway.auth.jwt.verification_key import VerificationKey

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
