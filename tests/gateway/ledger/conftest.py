from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.ledger.support import Clock
from tintype_gateway.ledger import Caller, Ledger, open_ledger


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def ledger(path: Path, clock: Clock) -> AsyncIterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{path}", clock=clock)
    yield ledger
    await ledger.close()


@pytest.fixture
async def caller(ledger: Ledger) -> Caller:
    """A caller whose account `studio` has 1000 micro-credits."""
    await ledger.create_account("studio", credits_micro=1000)
    _, secret = await ledger.create_key("studio")
    return await ledger.authenticate(secret)
