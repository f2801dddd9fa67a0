"""What callers see when the database cannot be used."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, date, datetime

import pytest

from tintype_gateway.ledger import (
    UNRESTRICTED,
    AccountSpec,
    Budget,
    Caller,
    Hold,
    Ledger,
    LedgerUnavailableError,
)
from tintype_gateway.ledger.jobs import JobEnd, JobEvent
from tintype_gateway.ledger.outbox import Attempt, WebhookMessage
from tintype_gateway.ledger.slot_queue import SlotLimits, SlotRequest
from tintype_gateway.ledger.usage import UsageQuery, UsageSum
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import LIMITS, submit, take

CALLER = Caller("studio", "key-1")
MESSAGE = WebhookMessage("msg-1", "budget.threshold_reached", "alerts", "{}")
HOLD = Hold("hold-0", "studio", 10)

Operation = Callable[[Ledger], Awaitable[object]]

CHANGES: dict[str, Operation] = {
    "create_account": lambda ledger: ledger.create_account("other"),
    "ensure_account": lambda ledger: ledger.ensure_account(
        "other", issuer="any", max_accounts=10_000
    ),
    "put_account": lambda ledger: ledger.put_account("studio", AccountSpec(display_name="Studio")),
    "release_account": lambda ledger: ledger.release_account("studio", "a cluster"),
    "set_policy": lambda ledger: ledger.set_policy("studio", UNRESTRICTED),
    "set_budgets": lambda ledger: ledger.set_budgets("studio", "UTC", [Budget("day", 5, "m")]),
    "grant": lambda ledger: ledger.grant("studio", 1, reason="a gift"),
    "adjust": lambda ledger: ledger.adjust("studio", -1, reason="a slip"),
    "put_grant": lambda ledger: ledger.put_grant("may", "studio", 1, "a gift"),
    "put_key": lambda ledger: ledger.put_key("key-2", "studio", b"2" * 32),
    "set_key_expiry": lambda ledger: ledger.set_key_expiry("key-1", None),
    "create_key": lambda ledger: ledger.create_key("studio"),
    "rotate_key": lambda ledger: ledger.rotate_key("key-1"),
    "revoke_key": lambda ledger: ledger.revoke_key("key-1"),
    "create_webhook_secret": lambda ledger: ledger.create_webhook_secret("studio", "whs-1", b"1"),
    "hold": lambda ledger: take(ledger, CALLER, 10),
    "renew": lambda ledger: ledger.renew(HOLD, 10),
    "settle": lambda ledger: ledger.settle(HOLD, 10),
    "release": lambda ledger: ledger.release(HOLD, "timeout"),
    "mark_delivered": lambda ledger: ledger.mark_delivered([HOLD]),
    "forget_released_holds": lambda ledger: ledger.forget_released_holds(),
    "expire_holds": lambda ledger: ledger.expire_holds(),
    "submit_job": lambda ledger: submit(ledger, CALLER, 10),
}

READS: dict[str, Operation] = {
    "check": lambda ledger: ledger.check(),
    "account": lambda ledger: ledger.account("studio"),
    "accounts": lambda ledger: ledger.accounts(),
    "slot_calls": lambda ledger: ledger.slot_calls(["gpu"]),
    "granted": lambda ledger: ledger.granted("may"),
    "changes": lambda ledger: ledger.changes(),
    "list_keys": lambda ledger: ledger.list_keys("studio"),
    "webhook_secrets": lambda ledger: ledger.webhook_secrets("studio"),
    "authenticate": lambda ledger: ledger.authenticate("sk-tintype-unknown"),
}

OPERATIONS: dict[str, Operation] = {
    **CHANGES,
    **READS,
    "audit": lambda ledger: ledger.audit(),
    "usage": lambda ledger: ledger.usage(date(2026, 11, 20)),
    "report_usage": lambda ledger: ledger.report_usage(UsageQuery(date(2026, 11, 20)), _ignored),
    "exchange_slots": lambda ledger: ledger.exchange_slots(
        "gpu", SlotLimits(slots=1, queue=1, lease_seconds=60), [SlotRequest("call-1", "studio")], []
    ),
    "unreported_alerts": lambda ledger: ledger.unreported_alerts(1),
    "report_alerts": lambda ledger: ledger.report_alerts({1: None}),
    "add_webhooks": lambda ledger: ledger.add_webhooks([MESSAGE]),
    "claim_webhooks": lambda ledger: ledger.claim_webhooks("claim-1", 1, 60),
    "end_webhook_attempt": lambda ledger: ledger.end_webhook_attempt("msg-1", "c-1", Attempt()),
    "redeliver_webhook": lambda ledger: ledger.redeliver_webhook("msg-1"),
    "webhooks": lambda ledger: ledger.webhooks(),
    "find_webhooks": lambda ledger: ledger.find_webhooks(["msg-1"]),
    "webhook_backlog": lambda ledger: ledger.webhook_backlog(),
    "forget_webhooks": lambda ledger: ledger.forget_webhooks(),
    "set_webhook_secret_expiry": lambda ledger: ledger.set_webhook_secret_expiry(
        "studio", "whs-1", None
    ),
    "delete_webhook_secret": lambda ledger: ledger.delete_webhook_secret("studio", "whs-1"),
    "check_job_room": lambda ledger: ledger.check_job_room("studio", None, LIMITS),
    "claim_jobs": lambda ledger: ledger.claim_jobs("worker", 1, 60, LIMITS),
    "renew_jobs": lambda ledger: ledger.renew_jobs("worker", ["job-1"], 60),
    "note_sent": lambda ledger: ledger.note_sent("job-1", "worker"),
    "note_tasks": lambda ledger: ledger.note_tasks("job-1", "worker", b"tasks"),
    "add_job_event": lambda ledger: ledger.add_job_event("job-1", "worker", JobEvent(kind="error")),
    "end_job": lambda ledger: ledger.end_job("job-1", "worker", JobEnd(status="failed")),
    "hand_back_job": lambda ledger: ledger.hand_back_job("job-1", "worker"),
    "cancel_job": lambda ledger: ledger.cancel_job("studio", "job-1"),
    "job": lambda ledger: ledger.job("studio", "job-1"),
    "jobs": lambda ledger: ledger.jobs("studio"),
    "job_events": lambda ledger: ledger.job_events("studio", "job-1"),
    "fail_overdue_jobs": lambda ledger: ledger.fail_overdue_jobs(60, 1, {"code": "job_expired"}),
    "job_queues": lambda ledger: ledger.job_queues(),
    "expired_jobs": lambda ledger: ledger.expired_jobs(1),
    "forget_jobs": lambda ledger: ledger.forget_jobs(["job-1"]),
    "record_changes": lambda ledger: ledger.record_changes([]),
    "claim_change_lines": lambda ledger: ledger.claim_change_lines(),
    "end_change_lines": lambda ledger: ledger.end_change_lines([]),
    "forget_changes": lambda ledger: ledger.forget_changes(datetime(2026, 11, 20, tzinfo=UTC)),
}


async def _ignored(sums: Sequence[UsageSum]) -> None:
    """Take rows of a report."""


@pytest.fixture
async def impatient(store: Store) -> AsyncIterator[Ledger]:
    """A ledger that waits only a moment for other processes, with a hold that is overdue."""
    first = store.open()
    await first.create_account("studio", credits_micro=1000)
    await take(first, CALLER, 1, lifetime_seconds=0)
    await first.close()
    ledger = store.open(busy_timeout_seconds=store.patience_seconds)
    yield ledger
    await ledger.close()


def test_every_operation_is_tried_here() -> None:
    operations = {name for name in dir(Ledger) if not name.startswith("_")}

    assert operations - {"close", "job_signals"} == OPERATIONS.keys()


@pytest.mark.parametrize("name", CHANGES)
async def test_a_locked_database_is_unavailable_in_bounded_time(
    impatient: Ledger, store: Store, name: str
) -> None:
    async with store.locked(), asyncio.timeout(60):
        with pytest.raises(LedgerUnavailableError, match=r"locked|no response|timeout"):
            await CHANGES[name](impatient)


async def test_many_callers_of_a_locked_database_wait_together(
    impatient: Ledger, store: Store
) -> None:
    async with store.locked(), asyncio.timeout(60):
        outcomes = await asyncio.gather(
            *(take(impatient, CALLER, 1) for _ in range(2000)), return_exceptions=True
        )

    assert {type(outcome) for outcome in outcomes} == {LedgerUnavailableError}


async def test_an_audit_does_not_wait_for_a_locked_database(ledger: Ledger, store: Store) -> None:
    async with store.locked():
        assert (await ledger.audit()).problems == ()


async def test_the_ledger_works_again_once_the_lock_is_released(
    ledger: Ledger, caller: Caller, store: Store
) -> None:
    waiting = store.open(busy_timeout_seconds=10 * store.patience_seconds)
    async with store.locked():
        with pytest.raises(LedgerUnavailableError):
            await take(waiting, caller, 400)
        await store.nobody_waits()

    await take(waiting, caller, 400)

    assert (await ledger.account("studio")).held == 400
    await waiting.close()


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_closed_ledger_is_unavailable(ledger: Ledger, name: str) -> None:
    await ledger.close()

    with pytest.raises(LedgerUnavailableError, match="closed"):
        await OPERATIONS[name](ledger)


async def test_closing_finishes_what_was_asked_for(ledger: Ledger, caller: Caller) -> None:
    tasks = [asyncio.create_task(take(ledger, caller, 10)) for _ in range(50)]
    await asyncio.sleep(0)

    await ledger.close()

    assert all(isinstance(hold, Hold) for hold in await asyncio.gather(*tasks))


async def test_a_closed_ledger_can_be_closed_again(ledger: Ledger) -> None:
    await ledger.close()

    await ledger.close()


async def test_a_missing_table_is_an_error_for_each_caller(ledger: Ledger, store: Store) -> None:
    await ledger.check()
    await store.execute("ALTER TABLE api_key RENAME TO lost")
    try:
        with pytest.raises(LedgerUnavailableError):
            await ledger.authenticate("sk-tintype-unknown")
        assert await ledger.accounts() == []
    finally:
        await store.execute("ALTER TABLE lost RENAME TO api_key")
