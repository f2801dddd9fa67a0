"""The operations of API keys."""

from collections.abc import Sequence
from datetime import datetime

from tintype_gateway.accounts import ApiKey, Caller
from tintype_gateway.ledger.changes import UNNAMED, Author
from tintype_gateway.ledger.key_spec import KeySpec
from tintype_gateway.ledger.sqlite import keys
from tintype_gateway.ledger.sqlite.operations.base import SqliteOperations


class SqliteKeys(SqliteOperations):
    """See `KeyOperations`."""

    async def create_key(
        self, account: str, *, expires_at: datetime | None = None, author: Author = UNNAMED
    ) -> tuple[ApiKey, str]:
        """See `Ledger`."""
        return await self._do(lambda db, now: keys.create(db, now, account, expires_at, author))

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
        """See `Ledger`."""
        spec = KeySpec(
            id=key_id,
            account=account,
            sha256=sha256,
            expires_at=expires_at,
            owner=owner,
            name=name,
        )
        return await self._do(lambda db, now: keys.put(db, now, spec, author))

    async def set_key_expiry(
        self, key_id: str, expires_at: datetime | None, *, author: Author = UNNAMED
    ) -> ApiKey:
        """See `Ledger`."""
        return await self._do(lambda db, now: keys.set_expiry(db, now, key_id, expires_at, author))

    async def list_keys(
        self,
        account: str | None = None,
        *,
        owner: str | None = None,
        active: bool = False,
        after: str | None = None,
        limit: int | None = None,
    ) -> Sequence[ApiKey]:
        """See `Ledger`."""
        return await self._do(
            lambda db, now: keys.read_page(db, now, account, owner, active, after, limit)
        )

    async def rotate_key(
        self,
        key_id: str,
        *,
        keep_old_for_seconds: float = 0,
        expires_at: datetime | None = None,
        author: Author = UNNAMED,
    ) -> tuple[ApiKey, str]:
        """See `Ledger`."""
        return await self._do(
            lambda db, now: keys.rotate(db, now, key_id, keep_old_for_seconds, expires_at, author)
        )

    async def revoke_key(self, key_id: str, *, author: Author = UNNAMED) -> None:
        """See `Ledger`."""
        await self._do(lambda db, now: keys.revoke(db, now, key_id, author))

    async def authenticate(self, secret: str) -> Caller:
        """See `Ledger`."""
        return await self._read(lambda db, now: keys.authenticate(db, now, secret))
