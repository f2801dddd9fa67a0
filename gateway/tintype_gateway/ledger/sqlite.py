"""The ledger in a SQLite file: the operations, behind the interface."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from tintype_gateway.ledger import accounts, holds, keys
from tintype_gateway.ledger.audit import audit
from tintype_gateway.ledger.database import connect, ensure_exists, unavailable
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.interface import (
    Account,
    ApiKey,
    Audit,
    Caller,
    Hold,
    Idempotency,
    Settlement,
)
from tintype_gateway.ledger.writer import Operation, Writer

T = TypeVar("T")


class SqliteLedger:
    """A `Ledger` for all processes of one host, each with one writer thread.

    Nothing is remembered between transactions, so processes see each other's work at once. SQLite
    before 3.51.3 has a rare fault where several processes write to one file
    (https://www.sqlite.org/wal.html#walresetbug); a single process is not touched by it.
    """

    def __init__(self, path: Path, clock: Callable[[], float], busy_timeout_seconds: float) -> None:
        self._path = path
        self._busy_timeout_seconds = busy_timeout_seconds
        ensure_exists(path)
        self._writer = Writer(connect(path, busy_timeout_seconds), clock)

    async def create_account(
        self, name: str, *, credits_micro: int = 0, unlimited: bool = False
    ) -> Account:
        """See `Ledger`."""
        return await self._do(
            lambda db, now: accounts.create(db, now, name, credits_micro, unlimited)
        )

    async def account(self, name: str) -> Account:
        """See `Ledger`."""
        return await self._do(lambda db, _: accounts.read(db, name))

    async def accounts(self) -> Sequence[Account]:
        """See `Ledger`."""
        return await self._do(lambda db, _: accounts.read_all(db))

    async def grant(self, name: str, micro: int, *, reason: str) -> Account:
        """See `Ledger`."""
        return await self._do(lambda db, now: accounts.grant(db, now, name, micro, reason))

    async def create_key(
        self, account: str, *, expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """See `Ledger`."""
        return await self._do(lambda db, now: keys.create(db, now, account, expires_at))

    async def authenticate(self, secret: str) -> Caller:
        """See `Ledger`."""
        return await self._do(lambda db, now: keys.authenticate(db, now, secret))

    async def revoke_key(self, key_id: str) -> None:
        """See `Ledger`."""
        await self._do(lambda db, now: keys.revoke(db, now, key_id))

    async def hold(
        self,
        caller: Caller,
        amount: int,
        *,
        request_id: str,
        model: str,
        provider: str,
        lifetime_seconds: float,
        idempotency: Idempotency | None = None,
    ) -> Hold:
        """See `Ledger`."""
        intent = holds.Intent(caller, request_id, model, provider, lifetime_seconds, idempotency)
        future = self._writer.submit(lambda db, now: holds.take(db, now, intent, amount))
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            future.add_done_callback(self._abandon)
            raise

    async def renew(self, hold: Hold, lifetime_seconds: float) -> None:
        """See `Ledger`."""
        await self._do(lambda db, now: holds.renew(db, now, hold, lifetime_seconds))

    async def settle(self, hold: Hold, cost: int) -> Settlement:
        """See `Ledger`."""
        return await self._do(lambda db, now: holds.settle(db, now, hold, cost))

    async def release(self, hold: Hold, reason: str) -> None:
        """See `Ledger`."""
        await self._do(lambda db, now: holds.release(db, now, hold, reason))

    async def expire_holds(self) -> int:
        """See `Ledger`."""
        return await self._do(holds.expire)

    async def audit(self) -> Audit:
        """See `Ledger`. Reads a snapshot beside the writer, which does not wait for it."""
        self._writer.require_open()
        return await asyncio.to_thread(self._audit)

    async def close(self) -> None:
        """See `Ledger`."""
        await asyncio.to_thread(self._writer.close)

    async def _do(self, operation: Operation[T]) -> T:
        return await asyncio.wrap_future(self._writer.submit(operation))

    def _abandon(self, future: Future[Hold]) -> None:
        """Release a hold that nobody waited for. Where that fails, it will expire."""
        if future.exception() is None:
            with contextlib.suppress(LedgerUnavailableError):
                self._writer.submit(
                    lambda db, now: holds.release(db, now, future.result(), "caller went away")
                )

    def _audit(self) -> Audit:
        with (
            unavailable("cannot audit the ledger"),
            contextlib.closing(connect(self._path, self._busy_timeout_seconds)) as connection,
        ):
            connection.execute("BEGIN")
            return audit(connection)
