"""API keys, and the callers that they belong to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tintype_gateway.accounts import ApiKey, Caller
from tintype_gateway.ledger.changes import UNNAMED, Author


class KeyOperations(Protocol):
    """A part of `Ledger`, which says what all operations have in common."""

    async def create_key(
        self, account: str, *, expires_at: datetime | None = None, author: Author = UNNAMED
    ) -> tuple[ApiKey, str]:
        """Issue a key and return it with its secret, which is never shown again.

        Raises:
            AccountNotFoundError: no account has this name.
            ValueError: `expires_at` has no time zone.
        """

    async def put_key(
        self,
        key_id: str,
        account: str,
        sha256: bytes,
        expires_at: datetime | None = None,
        *,
        owner: str | None = None,
        name: str | None = None,
        author: Author = UNNAMED,
    ) -> tuple[ApiKey, bool]:
        """Register a key by the SHA-256 of its secret; return it, and whether it is new.

        The same key again changes nothing, also if its end has been changed or it was revoked.

        Raises:
            AccountNotFoundError: no account has this name.
            KeyConflictError: the id or the secret belongs to another key.
            ValueError: a text is not valid, the SHA-256 does not have 32 bytes, or `expires_at` has
                no time zone.
        """

    async def set_key_expiry(
        self, key_id: str, expires_at: datetime | None, *, author: Author = UNNAMED
    ) -> ApiKey:
        """Replace the end of a key; None: it does not end by itself.

        Raises:
            KeyNotFoundError: no key has this id.
            ValueError: `expires_at` has no time zone.
        """

    async def list_keys(
        self,
        account: str | None = None,
        *,
        owner: str | None = None,
        active: bool = False,
        after: str | None = None,
        limit: int | None = None,
    ) -> Sequence[ApiKey]:
        """Read keys, oldest first, including expired and revoked ones unless only `active` ones.

        Only those of an account, or whose owner begins with a text; at most `limit`, from the one
        that follows the key with the id `after`.

        Raises:
            AccountNotFoundError: no account has this name.
            KeyNotFoundError: no key has the id `after`.
        """

    async def rotate_key(
        self,
        key_id: str,
        *,
        keep_old_for_seconds: float = 0,
        expires_at: datetime | None = None,
        author: Author = UNNAMED,
    ) -> tuple[ApiKey, str]:
        """Replace a key by a new one of the same account, returned as by `create_key`.

        The old key is revoked, at once or after `keep_old_for_seconds`. The new key expires when
        the old one would have, unless `expires_at` is given.

        Raises:
            KeyNotFoundError, KeyExpiredError, KeyRevokedError: the key cannot be rotated.
            ValueError: `keep_old_for_seconds` is negative, or `expires_at` has no time zone.
        """

    async def revoke_key(self, key_id: str, *, author: Author = UNNAMED) -> None:
        """Revoke a key now. Revoking it again changes nothing.

        Raises:
            KeyNotFoundError: no key has this id.
        """

    async def authenticate(self, secret: str) -> Caller:
        """Return the caller of the key with this secret.

        Raises:
            KeyNotFoundError, KeyExpiredError, KeyRevokedError: the key is not valid.
            AccountSuspendedError: its account is suspended.
        """
