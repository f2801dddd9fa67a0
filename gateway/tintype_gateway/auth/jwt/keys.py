"""Parses public keys. It is loaded with the first issuer: cryptography takes 9 MiB."""

import json
from pathlib import Path

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tintype_gateway.auth.jwt.verification_key import JwksError, VerificationKey

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey


def parse_jwks(document: bytes) -> tuple[VerificationKey, ...]:
    """Return the keys of a key set that verify signatures; other keys are ignored.

    Raises:
        JwksError: The document is not a key set, or has no such key.
    """
    try:
        keys = tuple(filter(None, map(_verification_key, json.loads(document)["keys"])))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise JwksError("its response is not a JSON Web Key Set") from error
    if not keys:
        raise JwksError("its key set has no key that verifies signatures")
    return keys


def read_pem(path: Path) -> VerificationKey:
    """Return the public key in a PEM file.

    Raises:
        ValueError: The file cannot be read, or is not a public key.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("holds no public key in PEM") from error
    if not isinstance(key, PublicKey):
        raise ValueError("holds a public key that verifies no signatures of tokens")
    return VerificationKey(key)


def _verification_key(entry: object) -> VerificationKey | None:
    """Return a key, or None if it is secret, for encryption, or of an unknown type."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    try:
        jwk = jwt.PyJWK(entry)
    except (jwt.PyJWTError, NotImplementedError, TypeError, ValueError):
        return None
    if not isinstance(jwk.key, PublicKey):
        return None
    return VerificationKey(jwk.key, entry.get("kid"), entry.get("alg"))
