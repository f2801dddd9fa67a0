"""`/admin/v1/audit`: who changed what, and what an operator reports."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.api.admin_support import Admin
from tintype_gateway.ledger import Ledger, open_ledger
from tintype_testing.admin import Client, admin_client

RESOURCE = {
    "kind": "resource",
    "name": "Account team-a/studio",
    "details": {"uid": "uid-1", "fieldManager": "argocd"},
}
FOR_RESOURCE = {"X-Tintype-Author": json.dumps(RESOURCE)}

REPORTED: dict[str, Any] = {
    "id": "uid-9.1",
    "at": "2026-11-29T08:00:00Z",
    "action": "create",
    "kind": "model",
    "name": "team-a/canvas",
    "after": {"spec": {"id": "canvas"}},
    "author": RESOURCE,
}


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield ledger
    await ledger.close()


@pytest.fixture
async def client(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Client]:
    async with admin_client(ledger, tmp_path / "tokens") as client:
        yield client


@pytest.fixture
def admin(client: Client) -> Admin:
    return Admin(client)


async def log(admin: Admin, query: str = "") -> list[dict[str, Any]]:
    response = await admin("GET", f"/audit?order=asc{query}")
    assert response.status == 200
    changes: list[dict[str, Any]] = response.body["data"]
    return changes


async def test_a_change_names_its_caller_role_and_request(client: Client, admin: Admin) -> None:
    async with client.post(
        "/accounts",
        json={"name": "studio"},
        headers={"Authorization": "Bearer the-token-of-the-money"},
    ) as response:
        assert response.status == 201

    (change,) = await log(admin)
    assert change["author"] == {
        "kind": "token",
        "name": "the-money",
        "role": "money",
        "details": {},
    }
    assert change["request_id"].startswith("req_")
    assert (change["action"], change["kind"], change["name"]) == ("create", "account", "studio")
    assert change["before"] is None
    assert change["after"]["unlimited"] is False


async def test_a_change_for_a_resource_names_it_and_who_applied_it(admin: Admin) -> None:
    await admin("PUT", "/accounts/studio", {}, FOR_RESOURCE)

    (change,) = await log(admin)

    assert (change["author"]["kind"], change["author"]["name"]) == (
        "resource",
        "Account team-a/studio",
    )
    assert change["author"]["details"] == {
        "uid": "uid-1",
        "fieldManager": "argocd",
        "by": "the-admin",
    }


async def test_only_an_admin_may_act_for_a_resource(client: Client, admin: Admin) -> None:
    refused = await Admin(client, "money")("PUT", "/accounts/studio", {}, FOR_RESOURCE)

    assert (refused.status, refused.code) == (403, "role_required")
    assert await log(admin) == []


@pytest.mark.parametrize(
    "header", ["", "x", "[]", '{"kind": "token", "name": "x"}', '{"kind": "resource"}', "é"]
)
async def test_a_damaged_author_is_refused(admin: Admin, header: str) -> None:
    refused = await admin("PUT", "/accounts/studio", {}, {"X-Tintype-Author": header})

    assert (refused.status, refused.code) == (422, "invalid_value")
    assert refused.body["error"]["param"] == "X-Tintype-Author"


async def test_changes_are_filtered(admin: Admin) -> None:
    await admin("PUT", "/accounts/studio", {}, FOR_RESOURCE)
    await admin("PUT", "/accounts/lab", {})
    key = (await admin("POST", "/keys", {"account": "studio"})).body["id"]
    grant = {"account": "studio", "micro_credits": 5, "reason": "May"}
    await admin("PUT", "/grants/may", grant)

    async def names(query: str) -> list[str]:
        return [change["name"] for change in await log(admin, query)]

    assert await names("") == ["studio", "lab", key, "may"]
    assert await names("&kind=account") == ["studio", "lab"]
    assert await names("&kind=grant&name=may") == ["may"]
    assert await names("&account=studio") == ["studio", key, "may"]
    assert await names("&author=the-admin") == ["lab", key, "may"]
    assert await names("&since=2099-01-01") == []
    assert await names("&until=2099-01-01T00:00:00Z") == ["studio", "lab", key, "may"]


async def test_pages_follow_each_other_in_both_orders(admin: Admin) -> None:
    for number in range(5):
        await admin("PUT", f"/accounts/a{number}", {})

    async def all_names(order: str) -> list[list[str]]:
        pages, after = [], ""
        while True:
            page = (await admin("GET", f"/audit?limit=2&order={order}{after}")).body
            pages.append([change["name"] for change in page["data"]])
            if not page["has_more"]:
                return pages
            after = f"&after={page['data'][-1]['sequence']}"

    assert await all_names("asc") == [["a0", "a1"], ["a2", "a3"], ["a4"]]
    assert await all_names("desc") == [["a4", "a3"], ["a2", "a1"], ["a0"]]


async def test_a_report_is_recorded_once(admin: Admin) -> None:
    other = REPORTED | {"id": "uid-9.2", "before": REPORTED["after"], "after": None}

    first = await admin("POST", "/audit", {"changes": [REPORTED]})
    second = await admin("POST", "/audit", {"changes": [REPORTED, other]})

    assert (first.body, second.body) == ({"recorded": 1}, {"recorded": 1})
    created, deleted = await log(admin)
    assert (created["id"], created["at"]) == ("uid-9.1", "2026-11-29T08:00:00+00:00")
    assert created["after"] == {"spec": {"id": "canvas"}}
    assert created["author"]["details"]["by"] == "the-admin"
    assert (deleted["before"], deleted["after"]) == ({"spec": {"id": "canvas"}}, None)


async def test_a_report_keeps_only_what_a_database_can_keep(admin: Admin) -> None:
    odd = {"nul": "a\0b", "deep": {"list": [1, 2.5, None, True]}, "big": 10**30}

    recorded = await admin("POST", "/audit", {"changes": [REPORTED | {"after": odd}]})

    assert recorded.status == 200
    (change,) = await log(admin)
    assert change["after"]["deep"] == {"list": [1, 2.5, None, True]}
    assert change["after"]["big"] == 10**30
    assert change["after"]["nul"] == "a\ufffdb"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "account"},
        {"after": None},
        {"after": "text"},
        {"at": "yesterday"},
        {"at": "0001-01-01T00:00:00Z"},
        {"id": "two words"},
        {"action": "CREATE!"},
        {"author": {"kind": "token", "name": "x"}},
        {"secret": 1},
    ],
)
async def test_an_impossible_report_is_refused(admin: Admin, wrong: dict[str, Any]) -> None:
    refused = await admin("POST", "/audit", {"changes": [REPORTED | wrong]})

    assert (refused.status, refused.code) == (422, "invalid_value")
    assert await log(admin) == []


@pytest.mark.parametrize(
    "query",
    [
        "kind=secret",
        "order=up",
        "limit=0",
        "after=-1",
        "after=1e3",
        "after=99999999999999999999",
        "since=yesterday",
        "since=2026-11-29T08:00:00",
        "until=2026-13-01",
        "since=0001-01-01",
    ],
)
async def test_an_invalid_query_is_refused(admin: Admin, query: str) -> None:
    refused = await admin("GET", f"/audit?{query}")

    assert (refused.status, refused.code) == (422, "invalid_value")
    assert refused.body["error"]["param"] == query.partition("=")[0]
