"""A database that cannot be used: nothing is made unpaid."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.gateway.api.scripted import IMAGE, Script, scripted
from tintype_gateway.ledger.interface import Hold
from tintype_testing.gateway import ACCOUNT, CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.ledgers import connect
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        yield gateway


@contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    """Keep everybody else from writing."""
    with closing(connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


@contextmanager
def without_holds(path: Path) -> Iterator[None]:
    """Take the table of the holds away, so that keys are known and no hold can be taken."""
    with closing(connect(path)) as other:
        other.execute("ALTER TABLE hold RENAME TO lost")
        yield
        other.execute("ALTER TABLE lost RENAME TO hold")


async def test_a_locked_database_is_a_503_that_may_be_tried_again(gateway: Gateway) -> None:
    with locked(gateway.ledger_path):
        response = await gateway.generate()

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "ledger_unavailable"
    assert response.headers["x-should-retry"] == "true"
    assert int(response.headers["Retry-After"]) > 0
    assert await gateway.upstream_calls() == []


async def test_the_models_cannot_be_listed_without_it_either(gateway: Gateway) -> None:
    async with gateway.http() as http:
        with locked(gateway.ledger_path):
            response = await http.get("/v1/models")

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "ledger_unavailable"


async def test_without_a_hold_the_provider_is_not_asked(gateway: Gateway) -> None:
    with without_holds(gateway.ledger_path):
        response = await gateway.generate()

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "ledger_unavailable"
    assert await gateway.upstream_calls() == []


async def test_requests_are_served_again_when_the_database_is_back(gateway: Gateway) -> None:
    with locked(gateway.ledger_path):
        assert (await gateway.generate()).status_code == 503

    assert (await gateway.generate()).status_code == 200


@asynccontextmanager
async def asked(
    folder: Path, made: asyncio.Event, **spec: object
) -> AsyncIterator[tuple[Gateway, "asyncio.Task[httpx2.Response]"]]:
    """Run a gateway, and ask it for an image that its provider makes upon an event."""
    image = json.dumps({"data": [{"b64_json": IMAGE}]}).encode()
    async with scripted(Script([image], content_type="application/json", before=made)) as provider:
        manifests = canvas(endpoint=provider.url, **spec)
        async with running_gateway(folder, *manifests) as gateway:
            request = asyncio.create_task(gateway.generate())
            await eventually(lambda: len(provider.bodies) == 1)
            yield gateway, request


async def test_an_image_that_could_not_be_charged_is_not_given_away_nor_made_again(
    tmp_path: Path,
) -> None:
    made = asyncio.Event()
    async with asked(tmp_path, made, timeoutSeconds=5) as (gateway, request):
        with locked(gateway.ledger_path) as other:
            made.set()
            response = await request
            hold = Hold(*other.execute("SELECT id, account, amount FROM hold").fetchone())

        assert response.status_code == 503
        assert response.json()["error"]["code"] == "outcome_unknown"
        assert response.headers["x-should-retry"] == "false"
        assert (hold.account, (await gateway.account()).balance) == (ACCOUNT, CREDITS_MICRO)
        await gateway.ledger.release(hold, "what its expiry would do")


async def test_an_image_is_delivered_once_the_ledger_is_back(tmp_path: Path) -> None:
    made = asyncio.Event()
    async with asked(tmp_path, made) as (gateway, request):
        with locked(gateway.ledger_path):
            made.set()
            await eventually(lambda: metric("tintype_settlements_outstanding") == 1)
            assert metric("tintype_holds_outstanding") == 1
        response = await request

        account = await gateway.account()
        assert response.status_code == 200
        assert (account.balance, account.held) == (CREDITS_MICRO - 640_000, 0)
