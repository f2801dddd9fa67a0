"""Operations on the slots of bindings, which call a function in the database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from tintype_gateway.ledger.postgres.database import Database
from tintype_gateway.ledger.slot_queue import (
    WAITING_SECONDS,
    SlotLimits,
    SlotRequest,
    SlotResult,
)

EXCHANGE = "SELECT call, place FROM ledger_slots($1, $2, $3, $4, $5, $6, $7, $8, $9)"

COUNT = """
SELECT binding, count(*) AS calls FROM slot
WHERE binding = ANY ($2) AND expires_at > coalesce($1, clock_timestamp()) GROUP BY binding
"""


async def exchange(
    database: Database,
    now: datetime | None,
    binding: str,
    limits: SlotLimits,
    wanted: Sequence[SlotRequest],
    freed: Collection[str],
) -> SlotResult:
    """Free slots, and grant them to calls that wait."""
    rows = await database.fetch(
        EXCHANGE,
        now,
        binding,
        limits.slots,
        limits.queue,
        timedelta(seconds=limits.lease_seconds),
        timedelta(seconds=WAITING_SECONDS),
        [call.id for call in wanted],
        [call.account for call in wanted],
        list(freed),
    )
    return SlotResult(
        leased=frozenset(row["call"] for row in rows if row["place"] is None),
        positions={row["call"]: row["place"] for row in rows if row["place"] is not None},
    )


async def count(
    database: Database, now: datetime | None, bindings: Collection[str]
) -> Mapping[str, int]:
    """Return the number of calls of each binding that have a slot or wait for one."""
    rows = await database.fetch(COUNT, now, list(bindings))
    calls = {row["binding"]: row["calls"] for row in rows}
    return {name: calls.get(name, 0) for name in bindings}
