"""`/admin/v1/accounts/{name}/webhook-secrets`: made, listed, ended, and shown once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tintype_gateway.jobs.sealing import Sealing
from tintype_gateway.jobs.webhook_secrets import WebhookSecrets
from tintype_gateway.ledger import Ledger, open_ledger
from tintype_gateway.webhooks.signature import parse_secret
from tintype_testing.admin import KEY_OF_JOBS, Client, admin_client, bearer
from tintype_testing.ledgers import Clock

PATH = "/accounts/acme/team-a/webhook-secrets"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def ledger(tmp_path: Path, clock: Clock) -> AsyncIterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db", clock=clock)
    await ledger.create_account("acme/team-a")
    yield ledger
    await ledger.close()


@pytest.fixture
async def client(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Client]:
    async with admin_client(ledger, tmp_path / "tokens") as client:
        yield client


async def call(
    client: Client, method: str, path: str, body: object = None, role: str = "keys"
) -> tuple[int, Any]:
    async with client.request(method, path, json=body, headers=bearer(role)) as response:
        return response.status, await response.json() if response.status != 204 else None


async def test_a_secret_is_shown_once_and_signs(client: Client, ledger: Ledger) -> None:
    status, made = await call(client, "POST", PATH)
    text = made.pop("secret")

    _, listed = await call(client, "GET", PATH, role="viewer")

    assert (status, made["object"], made["account"]) == (201, "webhook_secret", "acme/team-a")
    assert listed == {"object": "list", "data": [made]}
    keys = await WebhookSecrets(ledger, Sealing([KEY_OF_JOBS])).keys("acme/team-a")
    assert keys == [parse_secret(text)]


async def test_another_key_of_jobs_opens_no_secret(
    client: Client, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    _, made = await call(client, "POST", PATH)

    assert await WebhookSecrets(ledger, Sealing([b"7" * 32])).keys("acme/team-a") == []

    (record,) = [each for each in caplog.records if each.message == "secret of webhooks not opened"]
    assert vars(record)["secret"] == made["id"]


async def test_a_rotation_keeps_the_others_for_a_while(client: Client, clock: Clock) -> None:
    _, old = await call(client, "POST", PATH)
    await call(client, "POST", PATH, {"keep_others_for_seconds": 3600})

    _, listed = await call(client, "GET", PATH)

    ends = {each["id"]: each["expires_at"] for each in listed["data"]}
    assert ends.pop(old["id"]) == "2027-01-15T09:00:00+00:00"
    assert list(ends.values()) == [None]


async def test_a_secret_is_ended_and_deleted(client: Client) -> None:
    _, made = await call(client, "POST", PATH)
    own = f"{PATH}/{made['id']}"

    changed = await call(client, "PATCH", own, {"expires_at": "2027-02-01T00:00:00Z"})
    deleted, _ = await call(client, "DELETE", own)
    again = await call(client, "DELETE", own)

    assert (changed[0], changed[1]["expires_at"]) == (200, "2027-02-01T00:00:00+00:00")
    assert deleted == 204
    assert (again[0], again[1]["error"]["code"]) == (404, "webhook_secret_not_found")


@pytest.mark.parametrize("role", ["viewer", "money"])
async def test_making_a_secret_needs_the_role_keys(client: Client, role: str) -> None:
    status, body = await call(client, "POST", PATH, role=role)

    assert (status, body["error"]["code"]) == (403, "role_required")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/accounts/nobody/webhook-secrets", None, 404, "account_not_found"),
        ("POST", "/accounts/nobody/webhook-secrets", None, 404, "account_not_found"),
        ("POST", PATH, {"keep_others_for_seconds": -1}, 422, "invalid_value"),
        ("POST", PATH, {"expires_at": "tomorrow"}, 422, "invalid_value"),
        ("POST", PATH, {"secret": "mine"}, 422, "invalid_value"),
        ("PATCH", f"{PATH}/whs-0", {}, 422, "invalid_value"),
        ("PATCH", f"{PATH}/whs-0", {"expires_at": None}, 404, "webhook_secret_not_found"),
    ],
)
async def test_an_invalid_call_gets_the_usual_error(
    client: Client, method: str, path: str, body: object, status: int, code: str
) -> None:
    found, said = await call(client, method, path, body, role="admin")

    assert (found, said["error"]["code"]) == (status, code)


async def test_there_may_be_eight_valid_secrets(client: Client) -> None:
    made = [await call(client, "POST", PATH) for _ in range(9)]

    assert [status for status, _ in made] == [201] * 8 + [409]
    assert made[-1][1]["error"]["code"] == "webhook_secret_limit"
