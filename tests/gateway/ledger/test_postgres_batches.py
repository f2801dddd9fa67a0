"""Operations that share a statement: as many as are due, but never more than memory is for."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from tintype_gateway.ledger.postgres import batches
from tintype_gateway.ledger.postgres.batches import Batches
from tintype_gateway.ledger.postgres.database import Database


class Recorder:
    """A database that notes the rows of each statement."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def require_open(self) -> None:
        """See `Database`."""

    def run(self, work: Callable[[Any], Awaitable[Any]]) -> "asyncio.Task[Any]":
        """See `Database`."""

        async def running() -> Any:
            return await work(self)

        return asyncio.create_task(running())

    async def fetch(self, statement: str, rows: str) -> list[dict[str, object]]:
        """Return an outcome for each row."""
        self.statements.append(rows)
        await asyncio.sleep(0)
        return [{"place": n, "id": row["id"]} for n, row in enumerate(json.loads(rows), 1)]


async def outcomes(database: Recorder, *lengths: int) -> list[object]:
    """Submit operations of one account whose requests have these lengths; return their ids."""
    sharing = Batches(cast(Database, database), "SELECT", lambda: ())
    rows = [{"id": number, "payload": "x" * length} for number, length in enumerate(lengths)]
    told = await asyncio.gather(*(sharing.submit("studio", row) for row in rows))
    return [each["id"] for each in told]


async def test_small_operations_share_a_statement() -> None:
    database = Recorder()

    assert await outcomes(database, *[10] * 100) == list(range(100))
    assert len(database.statements) == 1


async def test_large_operations_share_one_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST_CHARACTERS", 10_000)
    database = Recorder()

    assert await outcomes(database, *[3000] * 9, 50_000, 10) == list(range(11))
    sizes = sorted(map(len, database.statements))
    assert len(sizes) > 3
    assert all(size < 10_100 for size in sizes[:-1])
    assert sizes[-1] < 50_100
