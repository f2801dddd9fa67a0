"""The ledger in PostgreSQL: the operations, behind the interface."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime

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
from tintype_gateway.ledger.hold_record import HoldRecord
from tintype_gateway.ledger.postgres import accounts, holds, keys, slots
from tintype_gateway.ledger.postgres.accounts import audit
from tintype_gateway.ledger.postgres.database import Database
from tintype_gateway.ledger.slot_queue import SlotLimits, SlotRequest, SlotResult


class PostgresLedger:
    """A `Ledger` for any number of processes on any number of hosts.

    It connects on first use. Without a `clock`, all processes use the server's clock.
    """

    def __init__(self, url: str, clock: Callable[[], float] | None, timeout_seconds: float) -> None:
        self._database = Database(url, timeout_seconds)
        self._clock = clock

    async def check(self) -> None:
        """See `Ledger`."""
        await self._database.fetch("SELECT 1 FROM account LIMIT 1")

    async def create_account(
        self,
        name: str,
        *,
        credits_micro: int = 0,
        unlimited: bool = False,
        policy: Policy = UNRESTRICTED,
    ) -> Account:
        """See `Ledger`."""
        return await accounts.create(
            self._database, self._now(), name, credits_micro, unlimited, policy
        )

    async def ensure_account(
        self, name: str, *, issuer: str, max_accounts: int, credits_micro: int = 0
    ) -> Account:
        """See `Ledger`."""
        return await accounts.ensure(
            self._database, self._now(), name, issuer, max_accounts, credits_micro
        )

    async def account(self, name: str) -> Account:
        """See `Ledger`."""
        return await accounts.read(self._database, name)

    async def accounts(self) -> Sequence[Account]:
        """See `Ledger`."""
        return await accounts.read_all(self._database)

    async def set_policy(self, name: str, policy: Policy) -> Account:
        """See `Ledger`."""
        return await accounts.set_policy(self._database, name, policy)

    async def grant(
        self, name: str, micro: int, *, reason: str, idempotency: Idempotency | None = None
    ) -> Account:
        """See `Ledger`."""
        return await accounts.grant(self._database, self._now(), name, micro, reason, idempotency)

    async def adjust(
        self, name: str, micro: int, *, reason: str, idempotency: Idempotency | None = None
    ) -> Account:
        """See `Ledger`."""
        return await accounts.adjust(self._database, self._now(), name, micro, reason, idempotency)

    async def usage(self, since: date, *, account: str | None = None) -> Sequence[Usage]:
        """See `Ledger`."""
        return await accounts.usage(self._database, since, account)

    async def create_key(
        self, account: str, *, expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """See `Ledger`."""
        return await keys.create(self._database, self._now(), account, expires_at)

    async def list_keys(self, account: str) -> Sequence[ApiKey]:
        """See `Ledger`."""
        return await keys.read_all(self._database, account)

    async def rotate_key(
        self, key_id: str, *, keep_old_for_seconds: float = 0, expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """See `Ledger`."""
        return await keys.rotate(
            self._database, self._now(), key_id, keep_old_for_seconds, expires_at
        )

    async def revoke_key(self, key_id: str) -> None:
        """See `Ledger`."""
        await keys.revoke(self._database, self._now(), key_id)

    async def authenticate(self, secret: str) -> Caller:
        """See `Ledger`."""
        return await keys.authenticate(self._database, self._now(), secret)

    async def hold(self, caller: Caller, request: HoldRequest) -> Hold:
        """See `Ledger`."""
        record = HoldRecord(caller, request)
        return await holds.take(self._database, self._now(), record)

    async def renew(self, hold: Hold, lifetime_seconds: float) -> None:
        """See `Ledger`."""
        await holds.renew(self._database, self._now(), hold, lifetime_seconds)

    async def settle(self, hold: Hold, cost: int, *, images: int = 0) -> Settlement:
        """See `Ledger`."""
        return await holds.settle(self._database, self._now(), hold, cost, images)

    async def release(self, hold: Hold, reason: str, *, outcome_unknown: bool = False) -> None:
        """See `Ledger`."""
        await holds.release(self._database, self._now(), hold, reason, outcome_unknown)

    async def mark_delivered(self, settled: Collection[Hold]) -> None:
        """See `Ledger`."""
        await holds.mark_delivered(self._database, self._now(), settled)

    async def expire_holds(self) -> int:
        """See `Ledger`."""
        return await holds.expire(self._database, self._now())

    async def forget_released_holds(self) -> int:
        """See `Ledger`."""
        return await holds.forget_released(self._database, self._now())

    async def exchange_slots(
        self,
        binding: str,
        limits: SlotLimits,
        wanted: Sequence[SlotRequest],
        freed: Collection[str],
    ) -> SlotResult:
        """See `Ledger`."""
        return await slots.exchange(self._database, self._now(), binding, limits, wanted, freed)

    async def slot_calls(self, bindings: Collection[str]) -> Mapping[str, int]:
        """See `Ledger`."""
        return await slots.count(self._database, self._now(), bindings)

    async def audit(self) -> Audit:
        """See `Ledger`. Reads a snapshot on a connection of its own, and locks nothing."""
        async with self._database.snapshot() as connection:
            return await audit(connection)

    async def close(self) -> None:
        """See `Ledger`."""
        await self._database.close()

    def _now(self) -> datetime | None:
        return None if self._clock is None else datetime.fromtimestamp(self._clock(), UTC)
