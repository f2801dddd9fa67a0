"""Files that an older program has made."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from tintype_gateway.ledger import (
    UNRESTRICTED,
    Budget,
    Hold,
    HoldClosedError,
    Ledger,
    LedgerUnavailableError,
    Usage,
    open_ledger,
)
from tintype_gateway.ledger.sqlite.database import MIGRATIONS
from tintype_testing.ledgers import Clock, connect

LIFE_OF_AN_OLD_LEDGER = """
INSERT INTO account VALUES ('studio', 0, 0, 0, 0);
INSERT INTO posting VALUES (1, 'grant', NULL, 'account created', 0);
INSERT INTO entry VALUES (1, 'sys:funding', -1000), (1, 'studio', 1000);
INSERT INTO hold VALUES
    ('hold-1', 'studio', 400, 'settled', 'k', 'r', 'dall-e-3', 'openai',
        'poster-7', 'digest', 1800000000, 1800000060, 1800000030, NULL),
    ('hold-2', 'studio', 70, 'open', 'k', 'r', 'dall-e-3', 'openai',
        NULL, NULL, 1800000000, 1800000060, NULL, NULL);
INSERT INTO posting VALUES (2, 'charge', 'hold-1', NULL, 1800000030);
INSERT INTO entry VALUES (2, 'studio', -150), (2, 'sys:revenue', 150);
UPDATE account SET held = 70 WHERE name = 'studio';
PRAGMA user_version = 1;
"""


@pytest.fixture
def url(path: Path) -> str:
    """The ledger of the first release, with a charge and an open hold."""
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        _, script = next(MIGRATIONS.missing(0))
        connection.executescript(script + LIFE_OF_AN_OLD_LEDGER)
    return f"sqlite:///{path}"


async def test_an_old_file_is_migrated_when_it_is_opened(url: str) -> None:
    ledger = open_ledger(url, clock=Clock())
    account = await ledger.account("studio")

    assert (account.balance, account.held, account.policy) == (850, 70, UNRESTRICTED)
    assert await ledger.usage(date(2027, 1, 15)) == [Usage("studio", "dall-e-3", 1, 0, 150)]
    assert (await ledger.audit()).problems == ()
    await ledger.close()


async def test_budgets_count_what_an_old_ledger_has_spent_in_this_month(
    url: str, path: Path
) -> None:
    with closing(connect(path)) as connection:
        connection.execute("UPDATE hold SET created_at = strftime('%s', 'now')")
    ledger = open_ledger(url)

    budgets = [Budget("month", 900), Budget("month", 900, "dall-e-3")]
    account = await ledger.set_budgets("studio", "UTC", budgets)

    assert [window.spent for window in account.windows] == [220, 220]
    assert (await ledger.audit()).problems == ()
    await ledger.close()


async def test_an_old_ledger_goes_on(url: str) -> None:
    ledger = open_ledger(url, clock=Clock())

    await ledger.settle(Hold("hold-2", "studio", 70), 60, images=1)
    with pytest.raises(HoldClosedError):
        await ledger.settle(Hold("hold-1", "studio", 400), 60)
    await ledger.adjust("studio", -90, reason="an invoice of June")

    assert (await ledger.account("studio")).available == 700
    assert (await ledger.audit()).problems == ()
    await ledger.close()


async def test_an_old_file_that_several_open_at_once_is_migrated_once(url: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        ledgers: list[Ledger] = list(threads.map(open_ledger, [url] * 8))

    for ledger in ledgers:
        assert (await ledger.account("studio")).balance == 850
        await ledger.close()


async def test_an_old_file_that_processes_migrate_at_once_is_migrated_once(
    url: str, path: Path
) -> None:
    command = [sys.executable, "-m", "tintype_cli", "ledger", "migrate"]
    processes = [
        await asyncio.create_subprocess_exec(*command, env={"TINTYPE_DATABASE_URL": url})
        for _ in range(3)
    ]

    assert [await process.wait() for process in processes] == [0, 0, 0]
    with closing(connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (MIGRATIONS.newest,)
    ledger = open_ledger(url)
    assert (await ledger.audit()).problems == ()
    await ledger.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(url: str, path: Path) -> None:
    with closing(connect(path)) as connection:
        connection.execute("CREATE TABLE posting_with_adjustments (id INTEGER)")
        before = list(connection.iterdump())

    with pytest.raises(LedgerUnavailableError, match="already exists"):
        open_ledger(url)

    with closing(connect(path)) as connection:
        assert list(connection.iterdump()) == before
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


async def test_what_was_posted_cannot_be_changed_after_a_migration_either(
    url: str, path: Path
) -> None:
    await open_ledger(url).close()

    with closing(connect(path)) as connection:
        triggers = "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' ORDER BY tbl_name"
        names = [name for (name,) in connection.execute(triggers)]
    assert names == ["change"] * 3 + ["entry"] * 3 + ["job"] + ["posting"] * 2
