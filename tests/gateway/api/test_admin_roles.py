"""Callers of the admin API may do what their role allows, and are named in the access log."""

import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tintype_gateway.auth.admin.roles import ROLES
from tintype_gateway.ledger import Ledger, open_ledger
from tintype_testing.admin import Client, admin_client, bearer

REFUSED = 403


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield ledger
    await ledger.close()


@pytest.fixture
async def client(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Client]:
    async with admin_client(ledger, tmp_path / "tokens") as client:
        yield client


async def allowed(client: Client, method: str, path: str) -> set[str]:
    """Return the roles that may call a route; most calls then fail for want of a body."""
    statuses = {}
    for role in ROLES:
        async with client.request(method, path, headers=bearer(role)) as response:
            statuses[role] = response.status
    return {role for role, status in statuses.items() if status != REFUSED}


def routes(client: Client) -> list[tuple[str, str]]:
    """Return method and path of every route, with a value in the place of each variable."""
    assert client.app is not None
    return [
        (route.method, re.sub(r"\{[^}]+\}", "x", route.resource.canonical))
        for route in client.app.router.routes()
        if route.resource is not None
    ]


async def test_every_route_that_changes_something_is_closed_to_viewers(client: Client) -> None:
    found = routes(client)

    for method, path in found:
        is_open = "viewer" in await allowed(client, method, path)
        assert is_open == (method in ("GET", "HEAD")), (method, path)
    assert {method for method, _ in found} > {"GET", "POST", "PATCH", "DELETE"}


@pytest.mark.parametrize(
    ("method", "path", "roles"),
    [
        ("GET", "/accounts", {"viewer", "keys", "money", "admin"}),
        ("GET", "/usage", {"viewer", "keys", "money", "admin"}),
        ("POST", "/accounts", {"money", "admin"}),
        ("PATCH", "/accounts/a", {"money", "admin"}),
        ("POST", "/grants", {"money", "admin"}),
        ("POST", "/keys", {"keys", "admin"}),
        ("POST", "/keys/key-0/rotate", {"keys", "admin"}),
        ("DELETE", "/keys/key-0", {"keys", "admin"}),
        ("PUT", "/keys/key-0", {"keys", "admin"}),
        ("PATCH", "/keys/key-0", {"keys", "admin"}),
        ("PUT", "/accounts/a", {"money", "admin"}),
        ("POST", "/accounts/a/release", {"money", "admin"}),
        ("PUT", "/grants/may", {"money", "admin"}),
        ("GET", "/audit", {"viewer", "keys", "money", "admin"}),
        ("POST", "/audit", {"admin"}),
    ],
)
async def test_a_route_needs_a_role(
    client: Client, method: str, path: str, roles: set[str]
) -> None:
    assert await allowed(client, method, path) == roles


async def test_a_refusal_names_the_roles_that_suffice_and_changes_nothing(
    client: Client, ledger: Ledger
) -> None:
    async with client.post("/accounts", json={"name": "a"}, headers=bearer("keys")) as response:
        error = (await response.json())["error"]

    assert (response.status, error["code"]) == (REFUSED, "role_required")
    assert error["message"] == (
        "this needs the role `money` or `admin`, and 'the-keys' has the role `keys`"
    )
    assert await ledger.accounts() == []


async def test_an_unknown_path_is_told_to_any_caller(client: Client) -> None:
    async with client.get("/nothing", headers=bearer("viewer")) as response:
        assert response.status == 404


@pytest.mark.parametrize("path", ["/accounts", "/keys"])
async def test_the_access_log_names_the_caller_of_served_and_refused_calls(
    client: Client, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    caplog.set_level(logging.INFO, "tintype.access")

    async with client.post(path, json={"name": "a"}, headers=bearer("money")):
        pass

    (line,) = [vars(record) for record in caplog.records if record.name == "tintype.access"]
    assert (line["admin"], line["admin_role"]) == ("the-money", "money")
