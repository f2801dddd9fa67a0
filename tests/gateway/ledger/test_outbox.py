"""The outbox of webhooks on both engines: gateways share it, and a kill loses nothing."""

import asyncio
from itertools import chain

import pytest

from tintype_gateway.ledger import Ledger
from tintype_gateway.ledger.errors import WebhookNotFoundError
from tintype_gateway.ledger.outbox import (
    KEEP_SECONDS,
    Attempt,
    Backlog,
    WebhookDelivery,
    WebhookMessage,
)
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import Clock

LEASE = 60


def message(number: int = 1) -> WebhookMessage:
    return WebhookMessage(f"msg_{number}", "webhook.test", "configured", '{"a": "é"}', "studio")


async def the(ledger: Ledger) -> WebhookDelivery:
    """Return the only message of the outbox."""
    (found,) = await ledger.webhooks()
    return found


async def claimed(ledger: Ledger, by: str = "a", limit: int = 10) -> list[str]:
    return [each.message.id for each in await ledger.claim_webhooks(by, limit, LEASE)]


async def test_a_new_message_is_due_at_once(ledger: Ledger, clock: Clock) -> None:
    await ledger.add_webhooks([message()])

    (delivery,) = await ledger.claim_webhooks("a", 10, LEASE)

    assert delivery.message == message()
    assert (delivery.state, delivery.attempts, delivery.finished_at) == ("pending", 0, None)
    assert delivery.created_at.timestamp() == clock.now
    assert delivery.due_at.timestamp() == clock.now + LEASE


async def test_a_message_that_is_known_is_not_added_again(ledger: Ledger) -> None:
    await ledger.add_webhooks([message(1)])
    await ledger.claim_webhooks("a", 10, LEASE)
    await ledger.end_webhook_attempt("msg_1", "a", Attempt(status=200))

    await ledger.add_webhooks([message(1), message(2), message(2)])

    assert await claimed(ledger) == ["msg_2"]


async def test_a_claimed_message_is_for_nobody_else_until_its_lease_ends(
    ledger: Ledger, clock: Clock
) -> None:
    await ledger.add_webhooks([message()])
    assert await claimed(ledger, "killed") == ["msg_1"]

    clock.advance(LEASE - 1)
    assert await claimed(ledger, "other") == []
    clock.advance(1)
    assert await claimed(ledger, "other") == ["msg_1"]


async def test_the_oldest_are_claimed_first_and_no_more_than_asked_for(
    ledger: Ledger, clock: Clock
) -> None:
    for number in range(3):
        await ledger.add_webhooks([message(number)])
        clock.advance(1)

    assert sorted(await claimed(ledger, limit=2)) == ["msg_0", "msg_1"]
    assert await claimed(ledger, limit=2) == ["msg_2"]


async def test_nothing_is_claimed_of_busy_queues(ledger: Ledger) -> None:
    jobs = [
        WebhookMessage("msg_a", "image.job.failed", "job:1", "", "studio"),
        WebhookMessage("msg_b", "image.job.failed", "job:2", "", "other"),
    ]
    await ledger.add_webhooks([message(1), *jobs])

    async def claimed_but(*busy: str) -> list[str]:
        found = await ledger.claim_webhooks("a", 1, LEASE, busy=busy)
        return [each.message.id for each in found]

    assert [each.queue for each in jobs] == ["jobs of studio", "jobs of other"]
    assert await claimed_but("configured", "jobs of studio") == ["msg_b"]
    assert await claimed_but("configured", "jobs of other") == ["msg_a"]
    assert await claimed_but("configured") == []
    assert await claimed_but("jobs of studio", "jobs of other") == ["msg_1"]


async def test_beside_a_busy_queue_the_oldest_of_all_others_are_claimed_first(
    ledger: Ledger, clock: Clock
) -> None:
    for number, account in enumerate(["studio", "other", "third", "other", "third"]):
        await ledger.add_webhooks(
            [WebhookMessage(f"msg_{number}", "image.job.failed", f"job:{number}", "", account)]
        )
        clock.advance(1)
    await ledger.add_webhooks([message(9)])

    async def claimed_beside(limit: int) -> list[str]:
        found = await ledger.claim_webhooks("a", limit, LEASE, busy=["jobs of studio"])
        return sorted(each.message.id for each in found)

    assert await claimed_beside(3) == ["msg_1", "msg_2", "msg_3"]
    assert await claimed_beside(3) == ["msg_4", "msg_9"]
    assert await claimed_beside(3) == []
    assert await claimed(ledger) == ["msg_0"]


async def test_messages_are_found_by_their_ids(ledger: Ledger) -> None:
    await ledger.add_webhooks([message(1), message(2)])

    found = await ledger.find_webhooks(["msg_2", "msg_3"])

    assert {key: each.message for key, each in found.items()} == {"msg_2": message(2)}


async def test_gateways_that_claim_at_the_same_time_share_the_messages(
    store: Store, ledger: Ledger, clock: Clock
) -> None:
    other = store.open(clock)
    await ledger.add_webhooks([message(number) for number in range(40)])
    try:
        claims = await asyncio.gather(
            *(claimed(each, limit=3) for each in (ledger, other) for _ in range(10))
        )
    finally:
        await other.close()

    assert sorted(chain.from_iterable(claims)) == sorted(f"msg_{number}" for number in range(40))


async def test_a_delivered_message_is_finished(ledger: Ledger, clock: Clock) -> None:
    await ledger.add_webhooks([message()])
    await claimed(ledger)
    clock.advance(1)

    await ledger.end_webhook_attempt("msg_1", "a", Attempt(status=204))

    found = await the(ledger)
    assert (found.state, found.attempts, found.status, found.error) == ("delivered", 1, 204, None)
    assert found.finished_at == found.attempted_at
    assert found.finished_at is not None
    assert found.finished_at.timestamp() == clock.now
    clock.advance(1e6)
    assert await claimed(ledger) == []


async def test_a_failed_attempt_is_repeated_when_it_is_due(ledger: Ledger, clock: Clock) -> None:
    await ledger.add_webhooks([message()])
    await claimed(ledger)

    await ledger.end_webhook_attempt("msg_1", "a", Attempt("status 500", 500, retry_seconds=30))

    found = await the(ledger)
    assert (found.state, found.attempts, found.status) == ("pending", 1, 500)
    assert (found.error, found.finished_at) == ("status 500", None)
    clock.advance(29)
    assert await claimed(ledger) == []
    clock.advance(1)
    assert await claimed(ledger) == ["msg_1"]


async def test_a_message_without_a_further_attempt_is_given_up(
    ledger: Ledger, clock: Clock
) -> None:
    await ledger.add_webhooks([message()])
    await claimed(ledger)

    await ledger.end_webhook_attempt("msg_1", "a", Attempt("no response"))

    found = await the(ledger)
    assert (found.state, found.status, found.error) == ("failed", None, "no response")
    clock.advance(1e6)
    assert await claimed(ledger) == []


async def test_a_failure_after_the_lease_does_not_disturb_the_next_attempt(
    ledger: Ledger, clock: Clock
) -> None:
    await ledger.add_webhooks([message()])
    await claimed(ledger, "slow")
    clock.advance(LEASE)
    await claimed(ledger, "next")

    await ledger.end_webhook_attempt("msg_1", "slow", Attempt("no response"))

    found = await the(ledger)
    assert (found.state, found.attempts, found.error) == ("pending", 0, None)
    assert found.due_at.timestamp() == clock.now + LEASE


async def test_a_delivery_after_the_lease_counts(ledger: Ledger, clock: Clock) -> None:
    await ledger.add_webhooks([message()])
    await claimed(ledger, "slow")
    clock.advance(LEASE)
    await claimed(ledger, "next")

    await ledger.end_webhook_attempt("msg_1", "slow", Attempt(status=200))
    await ledger.end_webhook_attempt("msg_1", "next", Attempt("status 500", 500, 30))

    found = await the(ledger)
    assert (found.state, found.attempts, found.status) == ("delivered", 1, 200)


@pytest.mark.parametrize("attempt", [Attempt(status=200), Attempt("status 500", 500)])
async def test_a_finished_message_is_sent_again_on_demand(ledger: Ledger, attempt: Attempt) -> None:
    await ledger.add_webhooks([message()])
    await claimed(ledger)
    await ledger.end_webhook_attempt("msg_1", "a", attempt)

    again = await ledger.redeliver_webhook("msg_1")

    assert (again.state, again.attempts, again.finished_at) == ("pending", 0, None)
    assert await claimed(ledger) == ["msg_1"]


async def test_an_unknown_message_is_not_sent_again(ledger: Ledger) -> None:
    with pytest.raises(WebhookNotFoundError, match="msg_9"):
        await ledger.redeliver_webhook("msg_9")


async def test_messages_are_listed_by_state_and_page(ledger: Ledger, clock: Clock) -> None:
    for number in range(5):
        await ledger.add_webhooks([message(number)])
        clock.advance(number % 2)
    await claimed(ledger, limit=1)
    await ledger.end_webhook_attempt("msg_0", "a", Attempt(status=200))

    async def page(after: str | None) -> list[str]:
        return [each.message.id for each in await ledger.webhooks(after=after, limit=2)]

    assert await page(None) == ["msg_4", "msg_3"]
    assert await page("msg_3") == ["msg_2", "msg_1"]
    assert await page("msg_1") == ["msg_0"]
    assert [each.message.id for each in await ledger.webhooks("delivered")] == ["msg_0"]
    assert len(await ledger.webhooks("pending")) == 4


async def test_the_backlog_tells_how_long_the_oldest_waits(ledger: Ledger, clock: Clock) -> None:
    assert await ledger.webhook_backlog() == {"settings": Backlog(), "jobs": Backlog()}
    await ledger.add_webhooks([message(1)])
    clock.advance(30)
    await ledger.add_webhooks([message(2)])
    await ledger.add_webhooks([WebhookMessage("msg_a", "image.job.failed", "job:1", "", "studio")])
    clock.advance(5)

    assert await ledger.webhook_backlog() == {"settings": Backlog(2, 35), "jobs": Backlog(1, 5)}


async def test_only_messages_that_were_finished_long_ago_are_forgotten(
    ledger: Ledger, clock: Clock
) -> None:
    await ledger.add_webhooks([message(1), message(2)])
    await claimed(ledger, limit=2)
    await ledger.end_webhook_attempt("msg_1", "a", Attempt(status=200))
    clock.advance(KEEP_SECONDS)
    assert await ledger.forget_webhooks() == 0

    clock.advance(1)
    assert await ledger.forget_webhooks() == 1
    assert (await the(ledger)).message.id == "msg_2"
