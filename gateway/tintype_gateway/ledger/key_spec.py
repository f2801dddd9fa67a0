"""A key that something else has generated, to be registered by the SHA-256 of its secret."""

import hmac
from dataclasses import dataclass
from datetime import datetime

from tintype_gateway.accounts import ApiKey
from tintype_gateway.ledger.validation import (
    checked_end,
    checked_key_id,
    checked_key_name,
    checked_owner,
    checked_sha256,
)


@dataclass(frozen=True, kw_only=True)
class KeySpec:
    """A key to register.

    Raises:
        ValueError: the id, the owner or the name is not valid, the digest does not have 32 bytes,
            or the end has no time zone.
    """

    id: str
    account: str
    sha256: bytes
    expires_at: datetime | None
    owner: str | None
    name: str | None

    def __post_init__(self) -> None:
        checked_key_id(self.id)
        checked_sha256(self.sha256)
        checked_end(self.expires_at)
        checked_owner(self.owner)
        checked_key_name(self.name)

    def is_of(self, key: ApiKey, sha256: bytes) -> bool:
        """Return whether a key with this digest is the one to register; its end may differ."""
        return hmac.compare_digest(self.sha256, sha256) and (
            (self.account, self.owner, self.name) == (key.account, key.owner, key.name)
        )
