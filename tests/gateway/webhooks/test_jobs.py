"""The webhooks of jobs, on both engines: whatever ends a job, its URL is told, signed and thin."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from aiohttp import web

from tests.gateway.webhooks.support import secret
from tintype_catalog.addresses import Reach
from tintype_catalog.egress_policy import EgressPolicy
from tintype_gateway.api.jobs import job_document
from tintype_gateway.jobs.sealing import Sealing
from tintype_gateway.jobs.webhook_endpoints import open_job_endpoints
from tintype_gateway.jobs.webhook_secrets import WebhookSecrets
from tintype_gateway.jobs.webhooks import JobWebhooks
from tintype_gateway.ledger import UNRESTRICTED, Ledger, Policy
from tintype_gateway.ledger.changes import UNNAMED
from tintype_gateway.ledger.interface import Caller
from tintype_gateway.ledger.jobs import Job, JobEnd, JobResult
from tintype_gateway.ledger.outbox import WebhookDelivery
from tintype_gateway.webhooks.endpoints import ByDestination
from tintype_gateway.webhooks.sender import Sender
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import LIMITS, submit
from tintype_testing.waiting import eventually
from tintype_testing.webhook_receiver import Receiver, receiving

NEARBY = EgressPolicy(Reach.PUBLIC | Reach.LOOPBACK)
COMPLETED = JobEnd(status="completed", cost=70, images=2, result=JobResult("answers/req-1.json", 2))
ERROR = {"status": 400, "headers": {}, "body": {"error": {"message": "no", "code": "refused"}}}


@dataclass
class Hooks:
    """The webhooks of the account `studio`, whose secret is the receiver's."""

    ledger: Ledger
    store: Store
    receiver: Receiver
    caller: Caller
    sealing: Sealing = field(default_factory=lambda: Sealing([bytes(32)]))

    @property
    def secrets(self) -> WebhookSecrets:
        return WebhookSecrets(self.ledger, self.sealing)

    @property
    def clients(self) -> JobWebhooks:
        return JobWebhooks(self.ledger, self.secrets, self.sealing, NEARBY)

    async def new_secret(self, keep_others: float | None = None) -> str:
        _, text = await self.secrets.create(
            "studio", keep_others_for_seconds=keep_others, author=UNNAMED
        )
        return text

    async def running(self) -> Job:
        """Submit a job, and claim it."""
        url = self.receiver.url.encode()
        job = await submit(
            self.ledger,
            self.caller,
            webhook=lambda job_id: self.sealing.seal(url, f"job:{job_id}:webhook"),
        )
        await self.ledger.claim_jobs("worker", 1, 60, LIMITS)
        return job

    async def ended(self, end: JobEnd = COMPLETED) -> Job:
        job = await self.running()
        done, _ = await self.ledger.end_job(job.id, "worker", end)
        return done

    @asynccontextmanager
    async def sending(
        self, ledger: Ledger | None = None, policy: EgressPolicy = NEARBY
    ) -> AsyncIterator[None]:
        """Run a sender, as in one gateway, and end it as a kill would."""
        ledger = ledger or self.ledger
        opening = open_job_endpoints(
            ledger, WebhookSecrets(ledger, self.sealing), self.sealing, policy
        )
        async with opening as endpoints:
            sender = Sender(
                ledger, ByDestination({"job": endpoints}), draw=lambda: 0.0, poll_seconds=0.01
            )
            running = asyncio.create_task(sender.run())
            try:
                yield
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running

    async def only(self) -> WebhookDelivery:
        (delivery,) = await self.ledger.webhooks()
        return delivery

    async def has_tried(self) -> bool:
        return (await self.only()).attempts > 0

    async def all_delivered(self) -> bool:
        found = await self.ledger.webhooks(limit=1000)
        return all(each.state == "delivered" for each in found)

    async def retry_now(self) -> None:
        """End the pauses before the next attempts."""
        await self.store.execute(
            "UPDATE webhook_delivery SET due_at = created_at"
            " WHERE claim IS NULL AND state = 'pending'"
        )


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(secret(1)) as receiver:
        yield receiver


@pytest.fixture
async def hooks(store: Store, receiver: Receiver) -> AsyncIterator[Hooks]:
    ledger = store.open()
    policy = Policy(webhooks=True)
    await ledger.create_account("studio", credits_micro=100_000, policy=policy)
    caller = policy.caller("studio", "key-1")
    hooks = Hooks(ledger, store, receiver, caller)
    receiver.secret = await hooks.new_secret()
    yield hooks
    await ledger.close()


async def complete(hooks: Hooks) -> Job:
    return await hooks.ended()


async def fail(hooks: Hooks) -> Job:
    return await hooks.ended(JobEnd(status="failed", error=ERROR))


async def lose(hooks: Hooks) -> Job:
    return await hooks.ended(JobEnd(status="outcome_unknown"))


async def cancel(hooks: Hooks) -> Job:
    job = await hooks.running()
    await hooks.ledger.cancel_job("studio", job.id)
    done, _ = await hooks.ledger.end_job(job.id, "worker", JobEnd(status="cancelled"))
    return done


async def cancel_in_the_queue(hooks: Hooks) -> Job:
    url = hooks.receiver.url.encode()
    job = await submit(
        hooks.ledger,
        hooks.caller,
        webhook=lambda job_id: hooks.sealing.seal(url, f"job:{job_id}:webhook"),
    )
    return await hooks.ledger.cancel_job("studio", job.id)


@pytest.mark.parametrize("end", [complete, fail, lose, cancel, cancel_in_the_queue])
async def test_whatever_ends_a_job_its_url_is_told_once(
    hooks: Hooks, receiver: Receiver, end: Callable[[Hooks], Awaitable[Job]]
) -> None:
    job = await end(hooks)

    async with hooks.sending():
        await eventually(lambda: bool(receiver.ids))
        await eventually(hooks.all_delivered)

    assert receiver.ids == [f"msg_{job.id}_{job.status}"]
    (message,) = receiver.messages
    kept = await hooks.ledger.job("studio", job.id)
    document = job_document(kept)
    del document["webhook"]
    assert message["type"] == f"image.job.{job.status}"
    assert message["data"] == json.loads(json.dumps(document))
    assert kept.finished_at is not None
    assert message["timestamp"] == kept.finished_at.isoformat()
    assert (receiver.unverified, receiver.signatures) == (0, [1])


async def test_a_job_without_a_url_has_no_message(hooks: Hooks) -> None:
    job = await submit(hooks.ledger, hooks.caller, webhook=None)
    await hooks.ledger.cancel_job("studio", job.id)

    assert await hooks.ledger.webhooks() == []
    assert await hooks.clients.documents([job]) == {}


async def test_a_job_that_runs_has_no_message_yet(hooks: Hooks) -> None:
    job = await hooks.running()

    assert await hooks.ledger.webhooks() == []
    documents = await hooks.clients.documents([job])
    assert (documents[job.id]["state"], documents[job.id]["host"]) == ("waiting", "127.0.0.1")


async def test_every_message_reaches_a_receiver_that_fails_half_the_time(
    hooks: Hooks, receiver: Receiver
) -> None:
    requests: Counter[str] = Counter()

    async def every_other(request: web.Request) -> web.Response:
        requests["all"] += 1
        return web.Response(status=200 if requests["all"] % 2 else 500)

    receiver.respond = every_other
    jobs = [await hooks.ended() for _ in range(30)]

    async def ended() -> bool:
        await hooks.retry_now()
        return await hooks.all_delivered()

    async with AsyncExitStack() as stack:
        for _ in range(2):  # gateways
            other = hooks.store.open()
            stack.push_async_callback(other.close)
            await stack.enter_async_context(hooks.sending(other))
        await eventually(ended)

    attempts = sum(each.attempts for each in await hooks.ledger.webhooks(limit=1000))
    assert set(receiver.ids) == {f"msg_{job.id}_completed" for job in jobs}
    assert len(receiver.ids) == attempts == requests["all"]
    assert receiver.unverified == 0


async def test_a_redirect_is_a_failure_that_the_job_shows(hooks: Hooks, receiver: Receiver) -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": receiver.url})

    receiver.respond = elsewhere
    job = await hooks.ended()

    async with hooks.sending():
        await eventually(hooks.has_tried)

    assert len(receiver.ids) == 1
    shown = dict((await hooks.clients.documents([job]))[job.id])
    next_attempt = shown.pop("next_attempt_at")
    assert shown == {
        "host": "127.0.0.1",
        "state": "pending",
        "attempts": 1,
        "last_status": 307,
        "last_error": "status 307: redirects are not followed",
        "delivered_at": None,
    }
    assert next_attempt > datetime.now(UTC).timestamp() - 60


@pytest.mark.parametrize("policy", [EgressPolicy(), EgressPolicy(Reach.PUBLIC | Reach.PRIVATE)])
async def test_an_address_that_is_not_allowed_is_not_called(
    hooks: Hooks, receiver: Receiver, policy: EgressPolicy
) -> None:
    receiver.url = receiver.url.replace("http://", "https://")
    await hooks.ended()

    async with hooks.sending(policy=policy):
        await eventually(hooks.has_tried)

    delivery = await hooks.only()
    assert (delivery.state, delivery.error) == ("pending", "calls may not go to 127.0.0.1")
    assert receiver.ids == []


async def test_while_a_secret_is_rotated_messages_are_signed_by_both(
    hooks: Hooks, receiver: Receiver
) -> None:
    async with hooks.sending():
        await hooks.ended()
        await eventually(lambda: len(receiver.ids) == 1)
        new = await hooks.new_secret(keep_others=3600)
        await hooks.ended()
        await eventually(lambda: len(receiver.ids) == 2)
        receiver.secret = new
        await hooks.ended()
        await eventually(lambda: len(receiver.ids) == 3)
        old, _ = await hooks.ledger.webhook_secrets("studio")
        await hooks.ledger.delete_webhook_secret("studio", old.id)
        await hooks.ended()
        await eventually(lambda: len(receiver.ids) == 4)

    assert receiver.signatures == [1, 2, 2, 1]
    assert receiver.unverified == 0


async def test_without_the_permission_or_a_secret_a_message_waits(
    hooks: Hooks, receiver: Receiver
) -> None:
    await hooks.ledger.set_policy("studio", UNRESTRICTED)
    await hooks.ended()
    async with hooks.sending():
        await eventually(hooks.has_tried)
    assert (await hooks.only()).error == "the account may not have webhooks"

    await hooks.ledger.set_policy("studio", Policy(webhooks=True))
    (only,) = await hooks.ledger.webhook_secrets("studio")
    await hooks.ledger.delete_webhook_secret("studio", only.id)
    await hooks.retry_now()
    async with hooks.sending():
        await eventually(lambda: _failed_twice(hooks))
    assert (await hooks.only()).error == "the account has no valid webhook secret"

    receiver.secret = await hooks.new_secret()
    await hooks.retry_now()
    async with hooks.sending():
        await eventually(hooks.all_delivered)


async def _failed_twice(hooks: Hooks) -> bool:
    return (await hooks.only()).attempts == 2


async def test_the_message_of_a_job_that_has_expired_is_given_up(hooks: Hooks) -> None:
    job = await hooks.ended()
    await hooks.ledger.forget_jobs([job.id])

    async with hooks.sending():
        await eventually(hooks.has_tried)

    delivery = await hooks.only()
    assert (delivery.state, delivery.error) == ("failed", "its job has expired")


async def test_a_delivered_message_is_sent_again_on_demand(
    hooks: Hooks, receiver: Receiver
) -> None:
    job = await hooks.ended()
    async with hooks.sending():
        await eventually(hooks.all_delivered)
        await hooks.clients.redeliver(job)
        await eventually(lambda: len(receiver.ids) == 2)
        await eventually(hooks.all_delivered)

    assert receiver.ids[0] == receiver.ids[1]
    (shown,) = (await hooks.clients.documents([job])).values()
    assert (shown["state"], shown["attempts"], shown["last_status"]) == ("delivered", 1, 204)
    assert shown["delivered_at"] is not None
    assert shown["next_attempt_at"] is None


async def test_a_url_whose_key_is_gone_is_neither_shown_nor_called(hooks: Hooks) -> None:
    job = await hooks.ended()
    hooks.sealing = Sealing([b"7" * 32])

    async with hooks.sending():
        await eventually(hooks.has_tried)

    assert "its URL cannot be opened" in str((await hooks.only()).error)
    assert (await hooks.clients.documents([job]))[job.id]["host"] is None
