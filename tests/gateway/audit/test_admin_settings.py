"""How the set of admins changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tintype_gateway.audit.admin_settings import AdminSettings
from tintype_gateway.auth.admin.tokens import AdminTokens
from tintype_gateway.ledger import ChangeFilter, Ledger, open_ledger
from tintype_testing.waiting import eventually_equal

TOKEN = "the-token-of-the-tests"


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield ledger
    await ledger.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tokens"
    folder.mkdir()
    return folder


@asynccontextmanager
async def following(ledger: Ledger, tokens: AdminTokens) -> AsyncIterator[None]:
    task = asyncio.create_task(AdminSettings(ledger, tokens, {"images/operator": "admin"}).follow())
    try:
        yield
    finally:
        task.cancel()


async def recorded(ledger: Ledger) -> list[tuple[str, Any]]:
    changes = await ledger.changes(ChangeFilter(kind="setting"))
    return [(each.difference.action, (each.difference.after or {})["tokens"]) for each in changes]


def owner(name: str, role: str, tokens: int = 1) -> dict[str, object]:
    return {"name": name, "role": role, "tokens": tokens}


async def test_admins_are_recorded_by_name_and_role_and_never_with_a_token(
    ledger: Ledger, folder: Path
) -> None:
    (folder / "ci.keys").write_text("the-first-token-of-ci\n")
    tokens = AdminTokens(TOKEN, folder)
    await tokens.load()
    first = [owner("ci", "keys"), owner("default", "admin")]
    second = [owner("ci", "keys", 2), owner("default", "admin")]

    async with following(ledger, tokens):
        await eventually_equal(lambda: recorded(ledger), [("create", first)])
        (folder / "ci.keys").write_text("the-first-token-of-ci\nthe-second-token-of-ci\n")
        await tokens.load()
        await eventually_equal(lambda: recorded(ledger), [("create", first), ("update", second)])

    changes = await ledger.changes()
    assert changes[1].difference.before == changes[0].difference.after
    assert (changes[0].difference.after or {})["service_accounts"] == [
        {"name": "images/operator", "role": "admin"}
    ]
    assert "token-of" not in str(changes)


async def test_a_restart_and_another_gateway_record_nothing_new(ledger: Ledger) -> None:
    tokens = AdminTokens(TOKEN)
    found = [("create", [owner("default", "admin")])]

    async with following(ledger, tokens), following(ledger, tokens):
        await eventually_equal(lambda: recorded(ledger), found)
    async with following(ledger, AdminTokens(None)):
        await eventually_equal(lambda: recorded(ledger), [*found, ("update", [])])
