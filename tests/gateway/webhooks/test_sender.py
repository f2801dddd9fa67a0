"""Messages of the outbox reach a receiver that fails, is away, or changes its secret."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import web

from tests.gateway.webhooks.support import message, nearby, secret, secrets_file
from tintype_gateway.ledger import Ledger
from tintype_gateway.ledger.outbox import WebhookDelivery, WebhookMessage
from tintype_gateway.observability.metrics import REGISTRY
from tintype_gateway.webhooks.endpoints import (
    CONFIGURED,
    ByDestination,
    ConfiguredEndpoint,
    Endpoint,
    NoEndpointError,
    SecretsFile,
)
from tintype_gateway.webhooks.sender import Sender
from tintype_testing.ledger_stores import Store
from tintype_testing.waiting import eventually
from tintype_testing.webhook_receiver import Receiver, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(secret(1)) as receiver:
        yield receiver


@pytest.fixture
async def ledger(store: Store) -> AsyncIterator[Ledger]:
    ledger = store.open()
    yield ledger
    await ledger.close()


@asynccontextmanager
async def sending(ledger: Ledger, url: str, secrets: Path) -> AsyncIterator[None]:
    """Run a sender, as in one gateway, and end it as a kill would: nothing more is recorded."""
    async with nearby() as session:
        endpoint = ConfiguredEndpoint(url, SecretsFile(secrets), session)
        endpoints = ByDestination({CONFIGURED: endpoint})
        sender = Sender(ledger, endpoints, draw=lambda: 0.0, poll_seconds=0.01)
        running = asyncio.create_task(sender.run())
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def only(ledger: Ledger) -> WebhookDelivery:
    (delivery,) = await ledger.webhooks()
    return delivery


async def count(ledger: Ledger, state: str) -> int:
    return len([each for each in await ledger.webhooks(limit=1000) if each.state == state])


async def all_delivered(ledger: Ledger) -> bool:
    return all(each.state == "delivered" for each in await ledger.webhooks(limit=1000))


DUE_NOW = """
UPDATE webhook_delivery SET due_at = created_at WHERE claim IS NULL AND state = 'pending'
"""
"""Ends the pauses before the next attempts."""

LEASES_OVER = "UPDATE webhook_delivery SET due_at = created_at WHERE state = 'pending'"
"""Ends the leases of those that are being sent."""


async def test_every_message_reaches_a_receiver_that_fails_half_the_time(
    store: Store, ledger: Ledger, receiver: Receiver, tmp_path: Path
) -> None:
    requests: Counter[str] = Counter()

    async def every_other(request: web.Request) -> web.Response:
        requests["all"] += 1
        return web.Response(status=200 if requests["all"] % 2 else 500)

    receiver.respond = every_other
    await ledger.add_webhooks([message(number) for number in range(60)])

    async def ended() -> bool:
        await store.execute(DUE_NOW)
        return await all_delivered(ledger)

    async with AsyncExitStack() as stack:
        for _ in range(2):  # gateways
            other = store.open()
            stack.push_async_callback(other.close)
            await stack.enter_async_context(sending(other, receiver.url, secrets_file(tmp_path, 1)))
        await eventually(ended)

    attempts = sum(each.attempts for each in await ledger.webhooks(limit=1000))
    assert set(receiver.ids) == {f"msg_{number}" for number in range(60)}
    assert len(receiver.ids) == attempts == requests["all"]
    assert receiver.unverified == 0


async def test_what_a_killed_gateway_had_claimed_is_sent_by_another_one(
    store: Store, ledger: Ledger, receiver: Receiver, tmp_path: Path
) -> None:
    async def never(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    receiver.respond = never
    await ledger.add_webhooks([message()])
    secrets = secrets_file(tmp_path, 1)
    killed = store.open()
    async with sending(killed, receiver.url, secrets):
        await receiver.arrived.wait()
    await killed.close()
    assert (await only(ledger)).state == "pending"

    receiver.respond = None
    await store.execute(LEASES_OVER)
    async with sending(ledger, receiver.url, secrets):
        await eventually(lambda: all_delivered(ledger))

    assert receiver.ids == ["msg_1", "msg_1"]


async def test_a_rotated_secret_counts_without_a_restart(
    ledger: Ledger, receiver: Receiver, tmp_path: Path
) -> None:
    async with sending(ledger, receiver.url, secrets_file(tmp_path, 1)):
        await ledger.add_webhooks([message(1)])
        await eventually(lambda: all_delivered(ledger))
        secrets_file(tmp_path, 2, 1)
        await ledger.add_webhooks([message(2)])
        await eventually(lambda: all_delivered(ledger))
        receiver.secret = secret(2)
        secrets_file(tmp_path, 2)
        await ledger.add_webhooks([message(3)])
        await eventually(lambda: all_delivered(ledger))

    assert receiver.ids == ["msg_1", "msg_2", "msg_3"]
    assert receiver.signatures == [1, 2, 1]
    assert receiver.unverified == 0


async def test_a_broken_file_of_secrets_leaves_the_last_ones(
    ledger: Ledger, receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = secrets_file(tmp_path, 1)
    async with sending(ledger, receiver.url, path):
        await ledger.add_webhooks([message(1)])
        await eventually(lambda: all_delivered(ledger))
        path.write_text("whsec_canary")
        await ledger.add_webhooks([message(2)])
        await eventually(lambda: all_delivered(ledger))

    assert receiver.ids == ["msg_1", "msg_2"]
    assert "secrets of webhooks not read" in caplog.messages
    assert "canary" not in str([vars(record) for record in caplog.records])


async def test_a_receiver_that_is_gone_gets_no_more_attempts(
    ledger: Ledger, receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def gone(request: web.Request) -> web.Response:
        return web.Response(status=410)

    given_up = ("tintype_webhooks_given_up_total", {"type": "webhook.test"})
    before = REGISTRY.get_sample_value(*given_up) or 0
    receiver.respond = gone
    await ledger.add_webhooks([message()])

    async with sending(ledger, receiver.url, secrets_file(tmp_path, 1)):
        await eventually(lambda: only_is(ledger, "failed"))

    assert REGISTRY.get_sample_value(*given_up) == before + 1
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    fields = vars(record)
    assert (record.message, fields["webhook_id"]) == ("webhook given up", "msg_1")
    assert (fields["status"], fields["cause"], fields["attempt"]) == (410, "status 410", 1)


async def only_is(ledger: Ledger, state: str) -> bool:
    return (await only(ledger)).state == state


async def test_a_message_without_a_receiver_waits(
    ledger: Ledger, receiver: Receiver, tmp_path: Path
) -> None:
    await ledger.add_webhooks([message(1, destination="elsewhere")])

    async with sending(ledger, receiver.url, secrets_file(tmp_path, 1)):
        await eventually(lambda: _was_tried(ledger))

    found = await only(ledger)
    assert found.state == "pending"
    assert found.error == "no receiver is configured for it"
    assert receiver.ids == []


async def _was_tried(ledger: Ledger) -> bool:
    return (await only(ledger)).attempts == 1


async def test_a_defect_counts_as_an_attempt_so_that_there_is_no_end_of_them(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    class Defective:
        async def find(self, message: WebhookMessage) -> Endpoint:
            raise RuntimeError("a defect")

    await ledger.add_webhooks([message()])
    running = asyncio.create_task(Sender(ledger, Defective(), poll_seconds=0.01).run())
    await eventually(lambda: _was_tried(ledger))
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert (await only(ledger)).error == "an unexpected error, which was logged"
    assert "unexpected error" in caplog.messages


@pytest.mark.parametrize("accounts", [1, 8])
async def test_slow_receivers_of_some_accounts_do_not_stop_what_is_for_others(
    ledger: Ledger, receiver: Receiver, tmp_path: Path, accounts: int
) -> None:
    slow = asyncio.Event()

    class Slow:
        async def find(self, message: WebhookMessage) -> Endpoint:
            await slow.wait()
            raise NoEndpointError("it is away", is_final=True)

    flood = [
        WebhookMessage(
            f"msg_slow_{number}", "image.job.failed", f"job:{number}", "", f"a{number % accounts}"
        )
        for number in range(100)
    ]
    await ledger.add_webhooks(flood)
    await ledger.add_webhooks([message()])
    async with nearby() as session:
        configured = ConfiguredEndpoint(
            receiver.url, SecretsFile(secrets_file(tmp_path, 1)), session
        )
        endpoints = ByDestination({"job": Slow(), CONFIGURED: configured})
        running = asyncio.create_task(Sender(ledger, endpoints, poll_seconds=0.01).run())
        await receiver.arrived.wait()
        slow.set()
        await eventually(lambda: all_ended(ledger))
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    assert await count(ledger, "failed") == 100


async def all_ended(ledger: Ledger) -> bool:
    return await count(ledger, "pending") == 0


async def test_the_sender_survives_an_outage_of_the_ledger(
    store: Store, receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    impatient, ledger = store.open(busy_timeout_seconds=store.patience_seconds), store.open()
    await ledger.add_webhooks([message()])
    await store.execute("ALTER TABLE webhook_delivery RENAME TO away")
    async with sending(impatient, receiver.url, secrets_file(tmp_path, 1)):
        await eventually(lambda: "webhooks not claimed" in caplog.messages)
        await store.execute("ALTER TABLE away RENAME TO webhook_delivery")
        await eventually(lambda: bool(receiver.ids))
        await eventually(lambda: all_delivered(ledger))
    await impatient.close()
    await ledger.close()
