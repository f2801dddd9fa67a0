"""`/admin/v1/webhooks`: what became of webhooks, and their redelivery."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tintype_gateway.ledger import Ledger, open_ledger
from tintype_gateway.ledger.outbox import Attempt, WebhookMessage
from tintype_testing.admin import Client, admin_client, bearer
from tintype_testing.ledgers import Clock


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """A ledger with the webhooks `msg_0`, which was given up, and `msg_1` and `msg_2`."""
    clock = Clock()
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db", clock=clock)
    for number in range(3):
        message = WebhookMessage(f"msg_{number}", "webhook.test", "configured", "{}", "studio")
        await ledger.add_webhooks([message])
        clock.advance(1)
    await ledger.claim_webhooks("a", 1, 60)
    await ledger.end_webhook_attempt("msg_0", "a", Attempt("status 500", 500))
    yield ledger
    await ledger.close()


@pytest.fixture
async def client(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Client]:
    async with admin_client(ledger, tmp_path / "tokens") as client:
        yield client


async def listed(client: Client, **query: str) -> dict[str, Any]:
    async with client.get("/webhooks", params=query, headers=bearer("viewer")) as response:
        assert response.status == 200
        found: dict[str, Any] = await response.json()
        return found


async def test_webhooks_are_listed_newest_first_and_in_pages(client: Client) -> None:
    first = await listed(client, limit="2")
    second = await listed(client, limit="2", after="msg_1")

    assert [each["id"] for each in first["data"]] == ["msg_2", "msg_1"]
    assert [each["id"] for each in second["data"]] == ["msg_0"]
    assert (first["has_more"], second["has_more"]) == (True, False)


async def test_a_webhook_says_what_became_of_it_but_not_what_is_in_it(client: Client) -> None:
    (failed,) = (await listed(client, state="failed"))["data"]

    assert failed == {
        "object": "webhook",
        "id": "msg_0",
        "type": "webhook.test",
        "account": "studio",
        "state": "failed",
        "attempts": 1,
        "last_status": 500,
        "last_error": "status 500",
        "created_at": "2027-01-15T08:00:00+00:00",
        "attempted_at": "2027-01-15T08:00:03+00:00",
        "next_attempt_at": None,
        "finished_at": "2027-01-15T08:00:03+00:00",
    }


async def test_a_webhook_that_was_given_up_is_sent_again(client: Client, ledger: Ledger) -> None:
    async with client.post("/webhooks/msg_0/resend", headers=bearer("admin")) as response:
        document = await response.json()

    assert (response.status, document["state"], document["attempts"]) == (202, "pending", 0)
    assert document["next_attempt_at"] == "2027-01-15T08:00:03+00:00"
    claimed = await ledger.claim_webhooks("b", 10, 60)
    assert "msg_0" in {each.message.id for each in claimed}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/webhooks/msg_9/resend", 404, "webhook_not_found"),
        ("GET", "/webhooks?state=lost", 422, "invalid_value"),
        ("GET", "/webhooks?limit=0", 422, "invalid_value"),
        ("GET", "/webhooks?limit=1001", 422, "invalid_value"),
    ],
)
async def test_an_invalid_call_gets_the_usual_error(
    client: Client, method: str, path: str, status: int, code: str
) -> None:
    async with client.request(method, path, headers=bearer("admin")) as response:
        error = (await response.json())["error"]

    assert (response.status, error["code"]) == (status, code)
