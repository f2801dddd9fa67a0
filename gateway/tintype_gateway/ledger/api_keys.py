"""The secrets of API keys. They pass through; only their SHA-256 stays."""

import hashlib
import secrets

SECRET_PREFIX = "sk-tintype-"  # noqa: S105 - what every secret begins with, for secret scanners
SECRET_BYTES = 32
"""256 random bits: a plain hash is enough, as there is nothing to guess."""


def new_secret() -> str:
    """Return what a new key is used with."""
    return SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def new_id() -> str:
    """Return what a new key is known by."""
    return f"key-{secrets.token_hex(8)}"


def digest(secret: str) -> bytes:
    """Return what the database knows of a secret."""
    # HTTP headers arrive with undecodable bytes as surrogates: an unknown key, not a crash.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
