"""One public key of an issuer."""

from dataclasses import dataclass
from typing import Any


class JwksError(Exception):
    """An issuer's keys cannot be read. The message says why, and contains no secret."""


@dataclass(frozen=True)
class VerificationKey:
    """One public key of an issuer."""

    key: Any
    """One of the types in `keys.PublicKey`, which are not loaded here."""

    id: str | None = None
    """The key id that a token's `kid` header names."""

    algorithm: str | None = None
    """The only algorithm of the key, if the issuer names one."""
