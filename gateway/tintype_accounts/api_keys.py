"""The secrets of API keys. The ledger stores only their SHA-256."""

import hashlib
import re
import secrets

SECRET_PREFIX = "sk-tintype-"  # noqa: S105 - what every secret begins with, for secret scanners
SECRET_BYTES = 32
"""256 random bits: a plain hash is enough, because guessing is impossible."""

_SECRET = re.compile(rf"{SECRET_PREFIX}[A-Za-z0-9_-]{{43}}")


def new_secret() -> str:
    """Return the secret of a new key."""
    return SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def is_secret(text: str) -> bool:
    """Return whether a text has the form of `new_secret`."""
    return _SECRET.fullmatch(text) is not None


def new_id() -> str:
    """Return the id of a new key."""
    return f"key-{secrets.token_hex(8)}"


def id_of(secret: str) -> str:
    """Return the id of the key that a resource has for a secret.

    It follows from the secret, so that an interrupted registration can be repeated. 64 bits of a
    digest say nothing about 256 random bits.
    """
    return f"key-{digest(secret).hex()[:16]}"


def digest(secret: str) -> bytes:
    """Return the digest of a secret that the database stores."""
    # Undecodable bytes of an HTTP header arrive as surrogates: such a key is unknown.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
