"""Migrations: numbered SQL scripts, each of which takes a database to the next schema version.

Each engine has its own scripts. It runs those that a database lacks in one transaction, together
with the update of the version in the database, under a lock that only one process can hold.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tintype_gateway.ledger.errors import LedgerUnavailableError

_CREATE_TABLE = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)


class Migrations:
    """The scripts of a folder, named by a number and a word: `0001_ledger.sql`."""

    def __init__(self, folder: Path) -> None:
        self._scripts = sorted(folder.glob("*.sql"))

    @property
    def newest(self) -> int:
        """The version that this program needs: the number of the last script."""
        return len(self._scripts)

    def tables(self) -> frozenset[str]:
        """Return the names of the tables that the scripts make."""
        made = (_CREATE_TABLE.findall(script.read_text()) for script in self._scripts)
        return frozenset(name for names in made for name in names)

    def missing(self, version: int) -> Iterator[tuple[int, str]]:
        """Return the number and the SQL of each script that a database of this version lacks.

        Raises:
            LedgerUnavailableError: a newer program has migrated the database.
        """
        if version > self.newest:
            raise LedgerUnavailableError(
                f"a newer program has migrated the ledger to schema {version},"
                f" this program only knows {self.newest}"
            )
        for number, script in enumerate(self._scripts[version:], version + 1):
            yield number, script.read_text()
