"""An alert of a budget becomes one message, however many gateways there are."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.gateway.webhooks.support import nearby, secret, secrets_file
from tintype_gateway.accounts import Budget
from tintype_gateway.ledger import Ledger
from tintype_gateway.ledger.operations.webhooks import WebhookOperations
from tintype_gateway.webhooks.budgets import count_alerts, report_alerts
from tintype_gateway.webhooks.endpoints import ConfiguredEndpoint, SecretsFile
from tintype_gateway.webhooks.sender import Sender
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import Clock, take
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually
from tintype_testing.webhook_receiver import receiving

AT = datetime(2026, 3, 29, 12, tzinfo=UTC)
"""A day of 23 hours in Berlin."""


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.now = AT.timestamp()
    return clock


@pytest.fixture
async def ledger(store: Store, clock: Clock) -> AsyncIterator[Ledger]:
    ledger = store.open(clock)
    yield ledger
    await ledger.close()


async def spend(ledger: Ledger, micro: int) -> None:
    """Let the account `studio` spend an amount of its budget of 1000 micro-credits a day."""
    await ledger.create_account("studio", credits_micro=10_000)
    day, month = Budget("day", 1000, alerts=(50, 90)), Budget("month", 9000, "m", alerts=(1,))
    await ledger.set_budgets("studio", "Europe/Berlin", (day, month))
    _, key = await ledger.create_key("studio")
    hold = await take(ledger, await ledger.authenticate(key), 1000)
    await ledger.settle(hold, micro)


async def messages(ledger: Ledger) -> list[dict[str, object]]:
    return [json.loads(each.message.payload) for each in await ledger.webhooks()]


async def test_the_message_says_what_was_spent_of_which_window(ledger: Ledger) -> None:
    await spend(ledger, 600)

    await report_alerts(ledger, lambda: AT)

    assert await messages(ledger) == [
        {
            "type": "budget.threshold_reached",
            "timestamp": "2026-03-29T12:00:00+00:00",
            "data": {
                "account": "studio",
                "model": None,
                "window": "day",
                "starts_at": "2026-03-29T00:00:00+01:00",
                "ends_at": "2026-03-30T00:00:00+02:00",
                "time_zone": "Europe/Berlin",
                "percent": 50,
                "limit_micro_credits": 1000,
                "spent_micro_credits": 600,
            },
        }
    ]
    (delivery,) = await ledger.webhooks()
    assert delivery.message.account == "studio"
    assert delivery.message.id.startswith("msg_budget_alert_")


async def test_each_alert_is_one_message_for_all_gateways(
    store: Store, ledger: Ledger, clock: Clock
) -> None:
    await spend(ledger, 950)
    other = store.open(clock)
    try:
        await asyncio.gather(*(report_alerts(each, lambda: AT) for each in (ledger, other) * 5))
    finally:
        await other.close()

    assert len(await messages(ledger)) == 2
    assert await ledger.unreported_alerts(10) == []


async def test_each_alert_is_counted_by_one_of_the_gateways(
    store: Store, ledger: Ledger, clock: Clock
) -> None:
    before = metric("tintype_budget_alerts_total", window="day")
    await spend(ledger, 950)
    other = store.open(clock)
    try:
        await asyncio.gather(*(report_alerts(each, lambda: AT) for each in (ledger, other) * 5))
    finally:
        await other.close()

    assert metric("tintype_budget_alerts_total", window="day") - before == 2


async def test_without_a_receiver_alerts_are_counted_and_no_message_waits(ledger: Ledger) -> None:
    before = metric("tintype_budget_alerts_total", window="day")
    counting = asyncio.create_task(count_alerts(ledger, pause_seconds=0.01))
    await spend(ledger, 600)

    await eventually(lambda: metric("tintype_budget_alerts_total", window="day") > before)
    counting.cancel()
    with suppress(asyncio.CancelledError):
        await counting
    assert metric("tintype_budget_alerts_total", window="day") - before == 1
    assert await messages(ledger) == []


async def test_what_happened_a_day_ago_is_no_news(ledger: Ledger) -> None:
    await spend(ledger, 600)

    await report_alerts(ledger, lambda: AT + timedelta(days=1, seconds=1))

    assert await messages(ledger) == []
    assert await ledger.unreported_alerts(10) == []


async def test_a_running_sender_tells_of_a_threshold(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def report(ledger: WebhookOperations) -> None:
        await report_alerts(ledger, lambda: AT)

    async with receiving(secret()) as receiver, nearby() as session:
        endpoint = ConfiguredEndpoint(receiver.url, SecretsFile(secrets_file(tmp_path, 1)), session)
        sender = Sender(ledger, endpoint, [report], poll_seconds=0.01)
        running = asyncio.create_task(sender.run())
        await spend(ledger, 500)
        await eventually(lambda: bool(receiver.messages))
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    (message,) = receiver.messages
    assert (message["type"], message["data"]["percent"]) == ("budget.threshold_reached", 50)
