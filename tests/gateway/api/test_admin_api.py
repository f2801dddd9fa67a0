"""`/admin/v1`: accounts, keys, grants and usage, behind the admin token."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tintype_testing.gateway import ACCOUNT, CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.http import http_client

TOKEN = "the-token-of-the-tests"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, *canvas(), admin_token=TOKEN) as gateway:
        yield gateway


@pytest.fixture
async def admin(gateway: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    base = f"{gateway.admin_url}/admin/v1"
    async with http_client(base_url=base, headers=headers) as client:
        yield client


async def status_with(gateway: Gateway, key: str) -> int:
    """The status of a request with another key."""
    return (await gateway.generate({"Authorization": f"Bearer {key}"})).status_code


@pytest.mark.parametrize(
    ("authorization", "said"),
    [
        ("", "the header must be"),
        ("Bearer wrong", "not the token of an admin"),
        (f"Bearer {TOKEN}x", "not the token of an admin"),
        ("Basic x", "the header must be"),
    ],
)
async def test_without_the_token_every_path_is_refused(
    gateway: Gateway, authorization: str, said: str
) -> None:
    async with http_client(base_url=gateway.admin_url) as client:
        response = await client.get("/admin/v1/accounts", headers={"Authorization": authorization})

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "invalid_api_key"
    assert said in response.json()["error"]["message"]


async def test_without_a_token_in_the_settings_there_is_no_admin_api(tmp_path: Path) -> None:
    async with (
        running_gateway(tmp_path, *canvas()) as gateway,
        http_client(base_url=gateway.admin_url) as client,
    ):
        response = await client.get("/admin/v1/accounts")

    assert response.status_code == 404


async def test_the_api_port_has_no_admin_api(gateway: Gateway) -> None:
    async with gateway.http() as http:
        response = await http.get(
            "/admin/v1/accounts", headers={"Authorization": f"Bearer {TOKEN}"}
        )

    assert response.status_code == 404


async def test_a_new_account_with_a_new_key_can_buy(
    gateway: Gateway, admin: httpx2.AsyncClient
) -> None:
    opened = await admin.post("/accounts", json={"name": "team/a", "micro_credits": 1_000_000})
    made = await admin.post("/keys", json={"account": "team/a"})

    assert (opened.status_code, opened.json()["balance"]) == (201, 1_000_000)
    assert await status_with(gateway, made.json()["key"]) == 200
    assert (await admin.get("/accounts/team/a")).json()["balance"] == 360_000


async def test_a_key_is_shown_once(admin: httpx2.AsyncClient) -> None:
    made = (await admin.post("/keys", json={"account": ACCOUNT})).json()
    listed = (await admin.get("/keys", params={"account": ACCOUNT})).json()["data"]

    assert made["key"].startswith("sk-tintype-")
    assert made["id"] in {key["id"] for key in listed}
    assert all("key" not in key for key in listed)


async def test_a_revoked_key_is_refused(gateway: Gateway, admin: httpx2.AsyncClient) -> None:
    made = (await admin.post("/keys", json={"account": ACCOUNT})).json()

    assert (await admin.delete(f"/keys/{made['id']}")).status_code == 204
    assert await status_with(gateway, made["key"]) == 401


async def test_a_rotated_key_is_replaced_by_a_new_one(
    gateway: Gateway, admin: httpx2.AsyncClient
) -> None:
    old = (await admin.post("/keys", json={"account": ACCOUNT})).json()

    new = (await admin.post(f"/keys/{old['id']}/rotate", json={})).json()

    assert await status_with(gateway, old["key"]) == 401
    assert await status_with(gateway, new["key"]) == 200


async def test_an_old_key_can_live_on_while_everyone_changes_over(
    gateway: Gateway, admin: httpx2.AsyncClient
) -> None:
    old = (await admin.post("/keys", json={"account": ACCOUNT})).json()

    await admin.post(f"/keys/{old['id']}/rotate", json={"keep_old_for_seconds": 3600})

    assert await status_with(gateway, old["key"]) == 200


async def test_credits_are_granted_and_corrected(admin: httpx2.AsyncClient) -> None:
    def post(amount: int) -> dict[str, Any]:
        return {"account": ACCOUNT, "micro_credits": amount, "reason": "a test"}

    assert (await admin.post("/grants", json=post(500))).json()["balance"] == CREDITS_MICRO + 500
    assert (await admin.post("/grants", json=post(-700))).json()["balance"] == CREDITS_MICRO - 200


async def test_a_policy_counts_for_the_next_request(
    gateway: Gateway, admin: httpx2.AsyncClient
) -> None:
    changed = await admin.patch(f"/accounts/{ACCOUNT}", json={"models": ["other"]})

    assert changed.json()["policy"] == {
        "models": ["other"],
        "requests_per_minute": None,
        "images_per_minute": None,
        "response_profile": None,
        "calls_per_minute": None,
        "queued_jobs": None,
        "running_jobs": None,
        "webhooks": False,
        "guardrail_exempt": False,
    }
    assert (await gateway.generate()).status_code == 404


async def test_usage_is_summed_up_by_account_and_model(
    gateway: Gateway, admin: httpx2.AsyncClient
) -> None:
    await gateway.generate(n=2)

    used = (await admin.get("/usage", params={"since": "2026-01-01"})).json()

    assert used["data"] == [
        {
            "account": ACCOUNT,
            "model": "canvas",
            "requests": 1,
            "images": 2,
            "credits_used": 1_280_000,
        }
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/accounts/nobody", None, 404, "account_not_found"),
        ("POST", "/accounts", {"name": ACCOUNT}, 409, "account_exists"),
        ("POST", "/accounts", {"name": ""}, 422, "invalid_value"),
        ("POST", "/accounts", {"name": "a", "micro_credits": -1}, 422, "invalid_value"),
        ("POST", "/accounts", {"name": "a", "oops": 1}, 422, "invalid_value"),
        ("POST", "/keys", {"account": "nobody"}, 404, "account_not_found"),
        ("DELETE", "/keys/key-0", None, 404, "key_not_found"),
        ("POST", "/keys/key-0/rotate", {}, 404, "key_not_found"),
        ("POST", "/grants", {"account": ACCOUNT, "micro_credits": 1}, 422, "invalid_value"),
        ("POST", "/accounts", {"name": "a", "micro_credits": True}, 422, "invalid_value"),
        ("POST", "/accounts", {"name": "a", "micro_credits": "5"}, 422, "invalid_value"),
        ("POST", "/accounts", {"name": "a", "micro_credits": 5.0}, 422, "invalid_value"),
        ("POST", "/accounts", {"name": "a", "unlimited": "yes"}, 422, "invalid_value"),
        ("POST", "/accounts", {"name": "a", "unlimited": 1}, 422, "invalid_value"),
        ("POST", "/accounts", {"name": 7}, 422, "invalid_value"),
        ("PATCH", f"/accounts/{ACCOUNT}", {"requests_per_minute": True}, 422, "invalid_value"),
        ("PATCH", f"/accounts/{ACCOUNT}", {"calls_per_minute": "600"}, 422, "invalid_value"),
        ("POST", "/keys", {"account": ACCOUNT, "expires_at": 1}, 422, "invalid_value"),
        ("POST", "/keys/key-0/rotate", {"keep_old_for_seconds": "60"}, 422, "invalid_value"),
        ("POST", "/keys/key-0/rotate", {"keep_old_for_seconds": True}, 422, "invalid_value"),
        ("GET", "/usage", None, 422, "missing_required_parameter"),
        ("GET", "/usage?since=yesterday", None, 422, "invalid_value"),
        ("PUT", "/accounts", {}, 405, "method_not_allowed"),
    ],
)
async def test_an_invalid_admin_call_gets_the_usual_error(
    admin: httpx2.AsyncClient, method: str, path: str, body: Any, status: int, code: str
) -> None:
    response = await admin.request(method, path, json=body)

    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_a_key_may_end_at_a_time(admin: httpx2.AsyncClient) -> None:
    body = {"account": ACCOUNT, "expires_at": "2099-01-01T00:00:00Z"}

    made = await admin.post("/keys", json=body)

    assert made.json()["expires_at"] == "2099-01-01T00:00:00+00:00"


async def test_a_grant_with_a_key_is_made_once(admin: httpx2.AsyncClient) -> None:
    key = {"Idempotency-Key": "invoice-2026-11"}
    body = {"account": ACCOUNT, "micro_credits": 500, "reason": "a test"}

    responses = [await admin.post("/grants", json=body, headers=key) for _ in range(3)]
    other = await admin.post("/grants", json=body | {"micro_credits": 501}, headers=key)
    correction = await admin.post("/grants", json=body | {"micro_credits": -500}, headers=key)
    without = await admin.post("/grants", json=body)

    assert [response.status_code for response in responses] == [201] * 3
    assert {response.json()["balance"] for response in responses} == {CREDITS_MICRO + 500}
    for refused in (other, correction):
        assert refused.status_code == 409
        assert refused.json()["error"]["code"] == "idempotency_mismatch"
    assert without.json()["balance"] == CREDITS_MICRO + 1000


async def test_a_key_that_is_none_is_refused(admin: httpx2.AsyncClient) -> None:
    body = {"account": ACCOUNT, "micro_credits": 500, "reason": "a test"}

    response = await admin.post("/grants", json=body, headers={"Idempotency-Key": "a b"})

    assert (response.status_code, response.json()["error"]["code"]) == (
        400,
        "invalid_idempotency_key",
    )
