import asyncio
import os
from contextlib import closing
from pathlib import Path

import pytest

from tintype_gateway.ledger import LedgerUnavailableError, open_ledger
from tintype_gateway.ledger.sqlite import database
from tintype_testing.ledgers import connect


async def create(url: str) -> None:
    ledger = open_ledger(url)
    await ledger.create_account("studio", credits_micro=1000)
    await ledger.close()


async def balance(url: str) -> int:
    ledger = open_ledger(url)
    account = await ledger.account("studio")
    await ledger.close()
    return account.balance


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_a_ledger_is_found_again(path: Path) -> None:
    await create(f"sqlite:///{path}")

    assert await balance(f"sqlite:///{path}") == 1000


async def test_a_url_of_three_slashes_is_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    await create("sqlite:///here.db")

    assert (tmp_path / "here.db").is_file()


async def test_a_ledger_survives_a_change_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ledger = open_ledger("sqlite:///here.db")
    await ledger.create_account("studio")
    monkeypatch.chdir("..")

    assert (await ledger.audit()).accounts == 1
    await ledger.close()


async def test_the_file_is_for_its_owner_only(path: Path) -> None:
    await create(f"sqlite:///{path}")

    assert mode(path) == 0o600


async def test_a_missing_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    await create(f"sqlite:///{tmp_path}/data/ledger.db")

    assert mode(tmp_path / "data") == 0o700


@pytest.mark.parametrize("name", ["ledger.db", "50% off? #1.db"])
async def test_nothing_but_the_database_is_left(tmp_path: Path, name: str) -> None:
    await create(f"sqlite:///{tmp_path / name}")

    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)]
)
def test_a_commit_waits_for_the_disk_and_references_are_checked(
    path: Path, pragma: str, value: object
) -> None:
    database.ensure_exists(path)

    with closing(database.connect(path, 5)) as connection:
        assert tuple(connection.execute(f"PRAGMA {pragma}").fetchone()) == (value,)


async def test_a_newer_schema_is_not_changed(path: Path) -> None:
    await create(f"sqlite:///{path}")
    with closing(connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {database.MIGRATIONS.newest + 1}")

    told = f"schema version {database.MIGRATIONS.newest + 1}, this program needs"
    with pytest.raises(LedgerUnavailableError, match=f"{told} {database.MIGRATIONS.newest}$"):
        open_ledger(f"sqlite:///{path}")


async def test_the_database_of_another_program_is_not_changed(path: Path) -> None:
    with closing(connect(path)) as connection:
        connection.execute("CREATE TABLE recipe (name TEXT)")

    told = f"schema version 0, this program needs {database.MIGRATIONS.newest}$"
    with pytest.raises(LedgerUnavailableError, match=told):
        open_ledger(f"sqlite:///{path}")

    with closing(connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("recipe",)]


def test_a_file_that_is_no_database_is_not_changed(path: Path) -> None:
    path.write_text("Dear diary, " * 1000)

    with pytest.raises(LedgerUnavailableError, match="not a database"):
        open_ledger(f"sqlite:///{path}")

    assert path.read_text().startswith("Dear diary")


def test_a_folder_in_a_folder_that_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailableError, match="cannot create"):
        open_ledger(f"sqlite:///{tmp_path}/no/such/ledger.db")


async def test_an_audit_of_a_file_that_was_taken_away_makes_no_new_one(path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{path}")
    os.remove(path)

    with pytest.raises(LedgerUnavailableError):
        await ledger.audit()

    await ledger.close()
    assert path.name not in os.listdir(path.parent)


async def test_two_ledgers_in_one_process_share_a_file(path: Path) -> None:
    first, second = open_ledger(f"sqlite:///{path}"), open_ledger(f"sqlite:///{path}")
    await first.create_account("studio", credits_micro=1000)

    await asyncio.gather(
        *(each.grant("studio", 1, reason="a gift") for each in (first, second) * 20)
    )

    assert (await second.account("studio")).balance == 1040
    await first.close()
    await second.close()
