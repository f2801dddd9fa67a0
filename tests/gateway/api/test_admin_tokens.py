"""Wrong tokens of the admin API are counted, and refused slowly."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tintype_gateway.auth.admin.access import MAX_WRONG_TOKENS, AdminAccess
from tintype_gateway.auth.admin.tokens import AdminTokens
from tintype_gateway.http.handlers.admin.api import AdminApi
from tintype_gateway.ledger import Ledger, open_ledger
from tintype_gateway.observability.metrics import REGISTRY
from tintype_testing.waiting import eventually

TOKEN = "the-token-of-an-administrator"
REFUSED = "tintype_admin_tokens_refused_total"

RIGHT = {"Authorization": f"Bearer {TOKEN}"}
WRONG = {"Authorization": "Bearer a-token-that-was-guessed"}


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield ledger
    await ledger.close()


def client(
    ledger: Ledger, wrong_token_seconds: float
) -> "TestClient[web.Request, web.Application]":
    """A client of an admin API of its own."""
    access = AdminAccess(AdminTokens(TOKEN), wrong_token_seconds)
    application = AdminApi(ledger, access).application()
    return TestClient(TestServer(application))


def refused() -> float:
    """How many wrong tokens were counted."""
    return REGISTRY.get_sample_value(REFUSED) or 0


async def test_the_right_token_does_not_wait_for_wrong_ones(ledger: Ledger) -> None:
    async with client(ledger, wrong_token_seconds=3600) as http:
        before = refused()
        waiting = asyncio.ensure_future(http.get("/accounts", headers=WRONG))
        await eventually(lambda: refused() == before + 1)

        async with http.get("/accounts", headers=RIGHT) as response:
            assert response.status == 200

        assert not waiting.done()
        waiting.cancel()


async def test_too_many_wrong_tokens_are_not_kept_waiting(ledger: Ledger) -> None:
    async with client(ledger, wrong_token_seconds=3600) as http:
        before = refused()
        waiting = [
            asyncio.ensure_future(http.get("/accounts", headers=WRONG))
            for _ in range(MAX_WRONG_TOKENS)
        ]
        await eventually(lambda: refused() == before + MAX_WRONG_TOKENS)

        async with http.get("/accounts", headers=WRONG) as response:
            assert response.status == 429
            assert int(response.headers["Retry-After"]) > 0
        async with http.get("/accounts", headers=RIGHT) as response:
            assert response.status == 200

        assert not any(each.done() for each in waiting)
        for each in waiting:
            each.cancel()


@pytest.mark.parametrize(
    "headers", [{}, WRONG, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"}]
)
async def test_a_wrong_token_is_refused_and_counted(
    ledger: Ledger, headers: dict[str, str]
) -> None:
    async with client(ledger, wrong_token_seconds=0) as http:
        before = refused()
        async with http.get("/accounts", headers=headers) as response:
            assert response.status == 401

    assert refused() == before + 1
