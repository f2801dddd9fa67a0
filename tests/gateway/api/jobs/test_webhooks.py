"""`webhook_url` of a submission: who may name which URL, and what becomes of the message."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.gateway.api.jobs.support import claimed, complete, end, fetch, submit
from tintype_gateway.errors import UnavailableError
from tintype_gateway.jobs.sealing import open_sealing
from tintype_gateway.jobs.webhook_secrets import WebhookSecrets
from tintype_gateway.ledger.changes import UNNAMED
from tintype_gateway.ledger.interface import Policy
from tintype_gateway.storage.folder import FolderStore
from tintype_testing.gateway import ACCOUNT, Gateway
from tintype_testing.waiting import eventually
from tintype_testing.webhook_receiver import Receiver, receiving

SECRET = "a fox that nobody may read about"


@pytest.fixture
async def receiver(gateway: Gateway, tmp_path: Path) -> AsyncIterator[Receiver]:
    """A receiver of the account `studio`, which may have webhooks, and has its secret."""
    await gateway.ledger.set_policy(ACCOUNT, Policy(webhooks=True))
    sealing = open_sealing(tmp_path / "jobs.key")
    _, text = await WebhookSecrets(gateway.ledger, sealing).create(ACCOUNT, author=UNNAMED)
    async with receiving(text) as receiver:
        yield receiver


@pytest.fixture
async def sender(gateway: Gateway) -> AsyncIterator[None]:
    running = asyncio.create_task(gateway.webhooks.run())
    yield
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def refused(response: httpx2.Response) -> tuple[int, str | None, str]:
    error = response.json()["error"]
    return response.status_code, error["param"], error["code"]


async def webhook_of(gateway: Gateway, job_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await fetch(gateway, f"/{job_id}")).json()["webhook"]
    return shown


@pytest.mark.usefixtures("sender")
async def test_the_end_of_a_job_is_told_without_image_and_prompt(
    gateway: Gateway, store: FolderStore, receiver: Receiver
) -> None:
    response = await submit(gateway, prompt=SECRET, webhook_url=receiver.url)
    assert response.status_code == 202, response.text
    job_id = response.json()["id"]
    assert response.json()["webhook"] == {
        "host": "127.0.0.1",
        "state": "waiting",
        "attempts": 0,
        "last_status": None,
        "last_error": None,
        "next_attempt_at": None,
        "delivered_at": None,
    }
    (job,) = await claimed(gateway)

    await complete(gateway, store, job, [b"an image"])
    await eventually(lambda: bool(receiver.ids))

    (message,) = receiver.messages
    shown = (await fetch(gateway, f"/{job_id}")).json()
    assert message["type"] == "image.job.completed"
    assert message["data"] == {
        key: value for key, value in shown.items() if key not in ("result", "webhook")
    }
    assert SECRET not in str(message)
    assert receiver.unverified == 0


@pytest.mark.usefixtures("sender")
async def test_a_job_shows_what_became_of_its_message_and_has_it_sent_again(
    gateway: Gateway, receiver: Receiver
) -> None:
    job_id = (await submit(gateway, webhook_url=receiver.url)).json()["id"]
    early = await fetch(gateway, f"/{job_id}/webhook/redeliver", method="POST")
    (job,) = await claimed(gateway)
    await end(gateway, job, "failed", error=UnavailableError("away"))

    async def is_delivered() -> bool:
        return bool((await webhook_of(gateway, job_id))["state"] == "delivered")

    await eventually(is_delivered)
    again = await fetch(gateway, f"/{job_id}/webhook/redeliver", method="POST")
    await eventually(lambda: len(receiver.ids) == 2)
    await eventually(is_delivered)

    assert await refused(early) == (409, None, "job_not_finished")
    assert (again.status_code, again.json()["id"]) == (202, job_id)
    assert receiver.ids == [f"msg_{job_id}_failed"] * 2
    (listed,) = (await fetch(gateway)).json()["data"]
    shown = await webhook_of(gateway, job_id)
    assert listed["webhook"] == shown
    assert (shown["last_status"], shown["last_error"], shown["attempts"]) == (204, None, 1)


async def test_an_account_without_the_permission_may_have_no_webhook(gateway: Gateway) -> None:
    response = await submit(gateway, webhook_url="https://hooks.example.com/")

    assert await refused(response) == (403, "webhook_url", "webhooks_not_allowed")


async def test_an_account_without_a_secret_may_have_no_webhook(
    gateway: Gateway, receiver: Receiver
) -> None:
    (only,) = await gateway.ledger.webhook_secrets(ACCOUNT)
    await gateway.ledger.delete_webhook_secret(ACCOUNT, only.id)

    response = await submit(gateway, webhook_url=receiver.url)

    assert await refused(response) == (400, "webhook_url", "webhook_secret_required")


async def test_a_repeat_gets_its_job_though_the_account_may_have_no_webhook_any_more(
    gateway: Gateway, receiver: Receiver
) -> None:
    key = {"Idempotency-Key": "order-17"}
    first = await submit(gateway, key, webhook_url=receiver.url)
    await gateway.ledger.set_policy(ACCOUNT, Policy(webhooks=False))

    repeat = await submit(gateway, key, webhook_url=receiver.url)

    assert (repeat.status_code, repeat.json()["id"]) == (202, first.json()["id"])


@pytest.mark.usefixtures("receiver")
@pytest.mark.parametrize(
    "url",
    [
        "http://8.8.8.8/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://user:password@hooks.example.com/",
        "ftp://hooks.example.com/",
    ],
)
async def test_a_url_that_the_gateway_never_calls_is_refused(gateway: Gateway, url: str) -> None:
    response = await submit(gateway, webhook_url=url)

    assert await refused(response) == (400, "webhook_url", "invalid_value")
    assert "password" not in response.text
    assert (await fetch(gateway)).json()["data"] == []


async def test_a_direct_request_may_have_no_webhook(gateway: Gateway, receiver: Receiver) -> None:
    response = await gateway.generate(webhook_url=receiver.url)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "webhook_url"


async def test_a_job_without_a_webhook_has_nothing_to_send_again(gateway: Gateway) -> None:
    job_id = (await submit(gateway)).json()["id"]

    response = await fetch(gateway, f"/{job_id}/webhook/redeliver", method="POST")

    assert await refused(response) == (404, None, "webhook_not_found")


async def test_the_webhook_of_another_account_is_not_there(gateway: Gateway) -> None:
    missing = "job_" + "0" * 32

    response = await fetch(gateway, f"/{missing}/webhook/redeliver", method="POST")

    assert await refused(response) == (404, None, "job_not_found")
