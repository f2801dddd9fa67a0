"""The migrations of both engines, and the order in which they run."""

import re
from pathlib import Path

import pytest

from tintype_gateway.ledger import LedgerUnavailableError
from tintype_gateway.ledger.migrations import Migrations
from tintype_gateway.ledger.postgres import schema
from tintype_gateway.ledger.sqlite import database


@pytest.fixture
def migrations(tmp_path: Path) -> Migrations:
    """Three scripts, whose folder does not list them in order."""
    for number in (3, 1, 2):
        (tmp_path / f"{number:04}_step.sql").write_text(f"SELECT {number};")
    return Migrations(tmp_path)


@pytest.mark.parametrize("module", [schema, database])
def test_the_migrations_of_an_engine_are_numbered_without_gaps(module: object) -> None:
    folder = Path(str(vars(module)["__file__"])).with_name("migrations")
    names = sorted(path.name for path in folder.iterdir())

    numbers = [re.fullmatch(r"(\d{4})_[a-z_]+\.sql", name) for name in names]
    assert [match and int(match[1]) for match in numbers] == [*range(1, len(names) + 1)]


def test_a_database_gets_the_scripts_that_it_lacks_in_their_order(migrations: Migrations) -> None:
    assert migrations.newest == 3
    assert list(migrations.missing(1)) == [(2, "SELECT 2;"), (3, "SELECT 3;")]
    assert list(migrations.missing(3)) == []


def test_a_database_of_a_newer_program_is_refused(migrations: Migrations) -> None:
    with pytest.raises(LedgerUnavailableError, match=r"newer program .* schema 4, .* knows 3"):
        list(migrations.missing(4))
