"""The ledger in a SQLite file: the operations, behind the interface."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from tintype_gateway.accounts import (
    UNRESTRICTED,
    Account,
    ApiKey,
    Audit,
    Caller,
    Hold,
    HoldRequest,
    Idempotency,
    Policy,
    Settlement,
    Usage,
)
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.hold_record import HoldRecord
from tintype_gateway.ledger.slot_queue import SlotLimits, SlotRequest, SlotResult
from tintype_gateway.ledger.sqlite import accounts, holds, keys, slots
from tintype_gateway.ledger.sqlite.database import connect, ensure_exists, unavailable
from tintype_gateway.ledger.sqlite.entries import audit
from tintype_gateway.ledger.sqlite.writer import Operation, Writer

T = TypeVar("T")


class SqliteLedger:
    """A `Ledger` for all processes of one host, each with one writer thread.

    Nothing is cached between transactions, so that processes see each other's changes at once.
    SQLite before 3.51.3 has a rare fault if several processes write to one file
    (https://www.sqlite.org/wal.html#walresetbug); a single process is not affected.
    """

    def __init__(self, path: Path, clock: Callable[[], float], busy_timeout_seconds: float) -> None:
        self._path = path
        self._busy_timeout_seconds = busy_timeout_seconds
        ensure_exists(path)
        self._writer = Writer(connect(path, busy_timeout_seconds), clock)

    async def check(self) -> None:
        """See `Ledger`. The schema was checked when the file was opened."""
        await self._do(lambda db, _: db.execute("SELECT 1 FROM account LIMIT 1").fetchone())

    async def create_account(
        self,
        name: str,
        *,
        credits_micro: int = 0,
        unlimited: bool = False,
        policy: Policy = UNRESTRICTED,
    ) -> Account:
        """See `Ledger`."""
        return await self._do(
            lambda db, now: accounts.create(db, now, name, credits_micro, unlimited, policy)
        )

    async def ensure_account(
        self, name: str, *, issuer: str, max_accounts: int, credits_micro: int = 0
    ) -> Account:
        """See `Ledger`."""
        return await self._do(
            lambda db, now: accounts.ensure(db, now, name, issuer, max_accounts, credits_micro)
        )

    async def account(self, name: str) -> Account:
        """See `Ledger`."""
        return await self._do(lambda db, _: accounts.read(db, name))

    async def accounts(self) -> Sequence[Account]:
        """See `Ledger`."""
        return await self._do(lambda db, _: accounts.read_all(db))

    async def set_policy(self, name: str, policy: Policy) -> Account:
        """See `Ledger`."""
        return await self._do(lambda db, _: accounts.set_policy(db, name, policy))

    async def grant(
        self, name: str, micro: int, *, reason: str, idempotency: Idempotency | None = None
    ) -> Account:
        """See `Ledger`."""
        return await self._do(
            lambda db, now: accounts.grant(db, now, name, micro, reason, idempotency)
        )

    async def adjust(
        self, name: str, micro: int, *, reason: str, idempotency: Idempotency | None = None
    ) -> Account:
        """See `Ledger`."""
        return await self._do(
            lambda db, now: accounts.adjust(db, now, name, micro, reason, idempotency)
        )

    async def usage(self, since: date, *, account: str | None = None) -> Sequence[Usage]:
        """See `Ledger`."""
        return await self._do(lambda db, _: accounts.usage(db, since, account))

    async def create_key(
        self, account: str, *, expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """See `Ledger`."""
        return await self._do(lambda db, now: keys.create(db, now, account, expires_at))

    async def list_keys(self, account: str) -> Sequence[ApiKey]:
        """See `Ledger`."""
        return await self._do(lambda db, _: keys.read_all(db, account))

    async def rotate_key(
        self, key_id: str, *, keep_old_for_seconds: float = 0, expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """See `Ledger`."""
        return await self._do(
            lambda db, now: keys.rotate(db, now, key_id, keep_old_for_seconds, expires_at)
        )

    async def revoke_key(self, key_id: str) -> None:
        """See `Ledger`."""
        await self._do(lambda db, now: keys.revoke(db, now, key_id))

    async def authenticate(self, secret: str) -> Caller:
        """See `Ledger`."""
        return await self._do(lambda db, now: keys.authenticate(db, now, secret))

    async def hold(self, caller: Caller, request: HoldRequest) -> Hold:
        """See `Ledger`."""
        record = HoldRecord(caller, request)
        # A power cut that undoes a hold also ends its request, which is then never charged. Only an
        # idempotency key must survive: otherwise a repeat could pay the provider twice.
        taking = self._writer.submit(
            lambda db, now: holds.take(db, now, record),
            is_lasting=request.idempotency is not None,
            abandon=self._abandon,
        )
        try:
            return await taking
        except asyncio.CancelledError:
            if (
                not taking.cancelled() and taking.exception() is None
            ):  # the hold was taken just before
                self._abandon(taking.result())
            raise

    async def renew(self, hold: Hold, lifetime_seconds: float) -> None:
        """See `Ledger`."""
        await self._do(lambda db, now: holds.renew(db, now, hold, lifetime_seconds))

    async def settle(self, hold: Hold, cost: int, *, images: int = 0) -> Settlement:
        """See `Ledger`."""
        return await self._do(lambda db, now: holds.settle(db, now, hold, cost, images))

    async def release(self, hold: Hold, reason: str, *, outcome_unknown: bool = False) -> None:
        """See `Ledger`."""
        await self._do(lambda db, now: holds.release(db, now, hold, reason, outcome_unknown))

    async def mark_delivered(self, settled: Collection[Hold]) -> None:
        """See `Ledger`."""
        await self._do(lambda db, now: holds.mark_delivered(db, now, settled))

    async def expire_holds(self) -> int:
        """See `Ledger`."""
        return await self._do(holds.expire)

    async def forget_released_holds(self) -> int:
        """See `Ledger`."""
        total = 0
        while forgotten := await self._do(holds.forget_released):
            total += forgotten
        return total

    async def exchange_slots(
        self,
        binding: str,
        limits: SlotLimits,
        wanted: Sequence[SlotRequest],
        freed: Collection[str],
    ) -> SlotResult:
        """See `Ledger`. It does not wait for the disk: a power cut ends the calls as well."""
        return await self._writer.submit(
            lambda db, now: slots.exchange(db, now, binding, limits, wanted, freed),
            is_lasting=False,
        )

    async def slot_calls(self, bindings: Collection[str]) -> Mapping[str, int]:
        """See `Ledger`."""
        return await self._writer.submit(
            lambda db, now: slots.count(db, now, bindings), is_lasting=False
        )

    async def audit(self) -> Audit:
        """See `Ledger`. Reads a snapshot, without blocking the writer."""
        self._writer.require_open()
        return await asyncio.to_thread(self._audit)

    async def close(self) -> None:
        """See `Ledger`."""
        await self._writer.close()

    async def _do(self, operation: Operation[T]) -> T:
        return await self._writer.submit(operation)

    def _abandon(self, hold: Hold) -> None:
        """Release a hold whose caller was cancelled. If that fails, the hold expires."""
        with contextlib.suppress(LedgerUnavailableError):
            self._writer.submit(
                lambda db, now: holds.release(
                    db, now, hold, "caller went away", outcome_unknown=False
                )
            ).add_done_callback(lambda released: released.exception())  # retrieves the exception

    def _audit(self) -> Audit:
        with (
            unavailable("cannot audit the ledger"),
            contextlib.closing(connect(self._path, self._busy_timeout_seconds)) as connection,
        ):
            connection.execute("BEGIN")
            return audit(connection)
