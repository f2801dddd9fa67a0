"""The secrets of API keys. The database stores only their SHA-256."""

import hashlib
import secrets

SECRET_PREFIX = "sk-tintype-"  # noqa: S105 - what every secret begins with, for secret scanners
SECRET_BYTES = 32
"""256 random bits: a plain hash is enough, because guessing is impossible."""


def new_secret() -> str:
    """Return the secret of a new key."""
    return SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def new_id() -> str:
    """Return the id of a new key."""
    return f"key-{secrets.token_hex(8)}"


def digest(secret: str) -> bytes:
    """Return the digest of a secret that the database stores."""
    # Undecodable bytes of an HTTP header arrive as surrogates: such a key is unknown.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
