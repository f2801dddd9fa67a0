"""Holds that came to nothing are no rows for ever; all others stay."""

from typing import Any

import pytest

from tintype_gateway.ledger import Caller, HoldClosedError, Idempotency, Ledger, validation
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import Clock, take

HOUR_SECONDS = 3600


async def holds(store: Store) -> list[tuple[Any, ...]]:
    return await store.query("SELECT request_id FROM hold ORDER BY request_id")


async def test_a_released_hold_is_forgotten_after_an_hour(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock
) -> None:
    hold = await take(ledger, caller, 400, idempotency=Idempotency("poster-7", "digest"))
    await ledger.release(hold, "moderation_blocked")

    clock.advance(HOUR_SECONDS - 1)
    assert await ledger.forget_released_holds() == 0
    clock.advance(1)
    assert await ledger.forget_released_holds() == 1

    assert await holds(store) == []
    assert (await ledger.audit()).problems == ()
    with pytest.raises(HoldClosedError):
        await ledger.settle(hold, 150)


async def test_every_other_hold_stays(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock
) -> None:
    await take(ledger, caller, 1, request_id="expired", lifetime_seconds=10)
    clock.advance(10)
    await ledger.expire_holds()
    await take(ledger, caller, 1, request_id="open", lifetime_seconds=10**6)
    await ledger.settle(await take(ledger, caller, 1, request_id="settled"), 1)
    unknown = await take(ledger, caller, 1, request_id="unknown")
    await ledger.release(unknown, "timeout", outcome_unknown=True)
    before = await ledger.audit()

    clock.advance(1000 * HOUR_SECONDS)

    assert await ledger.forget_released_holds() == 0
    assert await holds(store) == [("expired",), ("open",), ("settled",), ("unknown",)]
    assert await ledger.audit() == before


async def test_many_are_forgotten_a_batch_at_a_time(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sqlite", "postgres"):
        monkeypatch.setattr(f"tintype_gateway.ledger.{module}.holds.RELEASED_BATCH", 7)
    for _ in range(30):
        await ledger.release(await take(ledger, caller, 1), "provider_throttled")
    clock.advance(validation.RELEASED_KEPT_SECONDS)

    assert await ledger.forget_released_holds() == 30

    assert await holds(store) == []
    assert (await ledger.account("studio")).held == 0
