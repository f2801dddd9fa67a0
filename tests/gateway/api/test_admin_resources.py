"""Accounts, keys and grants that an operator puts by the admin API, again and again."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.api.admin_support import Admin
from tintype_gateway.ledger import Ledger, open_ledger
from tintype_testing.admin import admin_client

OWNER = "images/tintype:team-a/studio"
SECRET = "sk-tintype-of-a-cluster"
SHA256 = hashlib.sha256(SECRET.encode()).hexdigest()
SPEC: dict[str, Any] = {
    "owner": OWNER,
    "display_name": "Studio 7",
    "unlimited": True,
    "policy": {"models": ["b", "a"], "images_per_minute": 60},
    "deletion_policy": "suspend",
}


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield ledger
    await ledger.close()


@pytest.fixture
async def admin(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Admin]:
    async with admin_client(ledger, tmp_path / "tokens") as client:
        yield Admin(client)


async def test_an_account_is_made_and_then_replaced(admin: Admin) -> None:
    made = await admin("PUT", "/accounts/team-a/studio", SPEC)
    again = await admin("PUT", "/accounts/team-a/studio", SPEC)
    replaced = await admin("PUT", "/accounts/team-a/studio", {"owner": OWNER})

    assert (made.status, again.status, replaced.status) == (201, 200, 200)
    assert made.body == again.body
    assert made.body["policy"]["models"] == ["a", "b"]
    assert {name: made.body[name] for name in ("name", "owner", "display_name", "unlimited")} == {
        "name": "team-a/studio",
        "owner": OWNER,
        "display_name": "Studio 7",
        "unlimited": True,
    }
    assert (replaced.body["display_name"], replaced.body["unlimited"]) == ("", False)
    assert (await admin("GET", "/accounts/team-a%2Fstudio")).body == replaced.body


async def test_an_account_of_another_owner_is_a_conflict(admin: Admin) -> None:
    await admin("PUT", "/accounts/studio", SPEC)

    refused = await admin("PUT", "/accounts/studio", SPEC | {"owner": "another"})
    released = await admin("POST", "/accounts/studio/release", {"owner": "another"})

    assert (refused.status, refused.code) == (released.status, released.code)
    assert (refused.status, refused.code) == (409, "account_owned")
    assert OWNER in refused.body["error"]["message"]


async def test_a_released_account_follows_its_deletion_policy(admin: Admin) -> None:
    await admin("PUT", "/accounts/studio", SPEC)

    released = await admin("POST", "/accounts/studio/release", {"owner": OWNER})

    assert (released.body["owner"], released.body["suspended"]) == (None, True)


BUDGETS = [
    {"window": "day", "limit": 500, "model": None, "alerts": [50, 80]},
    {"window": "month", "limit": 900, "model": "canvas", "alerts": []},
]


async def test_budgets_are_put_and_shown_with_their_windows(admin: Admin) -> None:
    put = await admin(
        "PUT", "/accounts/studio", SPEC | {"time_zone": "Asia/Tokyo", "budgets": BUDGETS}
    )
    shown = await admin("GET", "/accounts/studio")
    (listed,) = (await admin("GET", "/accounts")).body["data"]
    without = await admin("PUT", "/accounts/studio", SPEC)

    assert put.body == shown.body == listed
    assert (shown.body["time_zone"], shown.body["budgets"]) == ("Asia/Tokyo", BUDGETS)
    assert [(each["window"], each["spent"]) for each in shown.body["windows"]] == [
        ("day", 0),
        ("month", 0),
    ]
    assert shown.body["windows"][0]["start"].endswith("T00:00:00+09:00")
    assert (without.body["time_zone"], without.body["budgets"]) == ("UTC", [])


async def test_a_change_of_the_policy_keeps_budgets_that_it_does_not_name(admin: Admin) -> None:
    await admin("PUT", "/accounts/studio", {"budgets": BUDGETS})

    kept = await admin("PATCH", "/accounts/studio", {"images_per_minute": 5})
    moved = await admin("PATCH", "/accounts/studio", {"time_zone": "Asia/Tokyo"})
    fewer = await admin("PATCH", "/accounts/studio", {"budgets": BUDGETS[:1]})
    none = await admin("PATCH", "/accounts/studio", {"budgets": []})

    assert kept.body["policy"]["images_per_minute"] == 5
    assert kept.body["budgets"] == moved.body["budgets"] == BUDGETS
    assert moved.body["time_zone"] == fewer.body["time_zone"] == "Asia/Tokyo"
    assert (fewer.body["budgets"], none.body["budgets"]) == (BUDGETS[:1], [])
    assert none.body["windows"] == []


async def test_accounts_are_listed_by_the_beginning_of_their_owner(admin: Admin) -> None:
    await admin("PUT", "/accounts/studio", SPEC)
    await admin("PUT", "/accounts/lab", {})

    listed = await admin("GET", "/accounts?owner=images/tintype:")

    assert [account["name"] for account in listed.body["data"]] == ["studio"]


async def test_a_key_is_registered_once_and_authenticates(admin: Admin, ledger: Ledger) -> None:
    await admin("PUT", "/accounts/studio", SPEC)
    key = {"account": "studio", "sha256": SHA256, "owner": f"{OWNER}:uid-1", "name": "the website"}

    made = await admin("PUT", "/keys/key-web", key)
    again = await admin("PUT", "/keys/key-web", key)
    other = await admin("PUT", "/keys/key-web", key | {"sha256": "0" * 64})

    assert (made.status, again.status) == (201, 200)
    assert made.body == again.body
    assert "sha256" not in made.body
    assert (other.status, other.code) == (409, "key_conflict")
    assert (await ledger.authenticate(SECRET)).key_id == "key-web"


async def test_the_end_of_a_key_is_moved(admin: Admin) -> None:
    await admin("PUT", "/accounts/studio", SPEC)
    await admin("PUT", "/keys/key-web", {"account": "studio", "sha256": SHA256})

    moved = await admin("PATCH", "/keys/key-web", {"expires_at": "2099-01-01T00:00:00Z"})
    endless = await admin("PATCH", "/keys/key-web", {"expires_at": None})

    assert moved.body["expires_at"] == "2099-01-01T00:00:00+00:00"
    assert endless.body["expires_at"] is None


async def test_keys_are_read_in_pages_and_without_those_that_have_ended(admin: Admin) -> None:
    await admin("PUT", "/accounts/studio", SPEC)
    for number in range(4):
        body = {"account": "studio", "sha256": f"{number:064}", "owner": OWNER}
        await admin("PUT", f"/keys/key-{number}", body)
    await admin("DELETE", "/keys/key-1")

    first = await admin("GET", f"/keys?owner={OWNER}&limit=3")
    rest = await admin("GET", "/keys?account=studio&limit=3&after=key-2")
    active = await admin("GET", "/keys?active=true")

    assert [key["id"] for key in first.body["data"]] == ["key-0", "key-1", "key-2"]
    assert (first.body["has_more"], rest.body["has_more"]) == (True, False)
    assert [key["id"] for key in rest.body["data"]] == ["key-3"]
    assert [key["id"] for key in active.body["data"]] == ["key-0", "key-2", "key-3"]


async def test_a_grant_pays_once_and_names_its_posting(admin: Admin) -> None:
    await admin("PUT", "/accounts/studio", {})
    grant = {"account": "studio", "micro_credits": 500, "reason": "May"}

    made = await admin("PUT", "/grants/team-a/may", grant)
    again = await admin("PUT", "/grants/team-a%2Fmay", grant)
    other = await admin("PUT", "/grants/team-a/may", grant | {"micro_credits": 600})

    assert (made.status, again.status) == (201, 200)
    assert made.body == again.body == (await admin("GET", "/grants/team-a/may")).body
    assert (made.body["reference"], made.body["micro_credits"]) == ("team-a/may", 500)
    assert made.body["posting"]
    assert (other.status, other.code) == (409, "grant_conflict")
    assert (await admin("GET", "/accounts/studio")).body["balance"] == 500


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_an_unknown_time_zone_is_named_by_its_field(admin: Admin, method: str) -> None:
    await admin("PUT", "/accounts/studio", {})

    refused = await admin(method, "/accounts/studio", {"time_zone": "Mars/Olympus"})

    assert (refused.status, refused.body["error"]["param"]) == (422, "time_zone")
    assert "'Mars/Olympus' is not a time zone" in refused.body["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("PUT", "/accounts/a", {"owner": ""}, 422, "invalid_value"),
        ("PUT", "/accounts/a", {"owner": "two\nlines"}, 422, "invalid_value"),
        ("PUT", "/accounts/a", {"suspended": "yes"}, 422, "invalid_value"),
        ("PUT", "/accounts/a", {"balance": 5}, 422, "invalid_value"),
        ("PUT", "/accounts/a", {"deletion_policy": "delete"}, 422, "invalid_value"),
        ("PUT", "/accounts/a", {"time_zone": "Mars/Olympus"}, 422, "invalid_value"),
        ("PUT", "/accounts/a", {"budgets": [{"window": "day"}]}, 422, "invalid_value"),
        ("PUT", "/accounts/a", {"budgets": 2 * BUDGETS}, 422, "invalid_value"),
        (
            "PUT",
            "/accounts/a",
            {"budgets": [{"window": "day", "limit": 1, "alerts": [80, 50]}]},
            *(422, "invalid_value"),
        ),
        ("PATCH", "/accounts/nobody", {"budgets": []}, 404, "account_not_found"),
        ("PUT", "/accounts/sys:funding", {}, 422, "invalid_value"),
        ("POST", "/accounts/nobody/release", {"owner": "x"}, 404, "account_not_found"),
        ("POST", "/accounts/nobody/release", {}, 422, "invalid_value"),
        ("PUT", "/keys/k", {"account": "nobody", "sha256": SHA256}, 404, "account_not_found"),
        ("PUT", "/keys/k", {"account": "nobody", "sha256": "0"}, 422, "invalid_value"),
        ("PUT", "/keys/k%20", {"account": "nobody", "sha256": SHA256}, 422, "invalid_value"),
        ("PATCH", "/keys/k", {}, 422, "invalid_value"),
        ("PATCH", "/keys/k", {"expires_at": None}, 404, "key_not_found"),
        ("PATCH", "/keys/k", {"expires_at": "0001-01-01T00:00:00+23:59"}, 422, "invalid_value"),
        ("PATCH", "/keys/k", {"expires_at": "2030-01-01T00:00:00"}, 422, "invalid_value"),
        ("GET", "/keys?after=k", None, 404, "key_not_found"),
        ("GET", "/keys?limit=0", None, 422, "invalid_value"),
        ("GET", "/keys?limit=1001", None, 422, "invalid_value"),
        ("GET", "/keys?active=yes", None, 422, "invalid_value"),
        ("GET", "/keys?account=nobody", None, 404, "account_not_found"),
        ("GET", "/grants/may", None, 404, "grant_not_found"),
        (
            "PUT",
            "/grants/may",
            {"account": "nobody", "micro_credits": 1, "reason": "May"},
            404,
            "account_not_found",
        ),
        (
            "PUT",
            "/grants/may",
            {"account": "nobody", "micro_credits": -1, "reason": "May"},
            422,
            "invalid_value",
        ),
    ],
)
async def test_an_invalid_call_gets_the_usual_error(
    admin: Admin, method: str, path: str, body: Any, status: int, code: str
) -> None:
    response = await admin(method, path, body)

    assert (response.status, response.code) == (status, code)
