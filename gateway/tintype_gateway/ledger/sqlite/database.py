"""Opens the SQLite file; creates it if it does not exist, and migrates it if it is old."""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.migrations import Migrations

MIGRATIONS = Migrations(Path(__file__).with_name("migrations"))
"""The scripts. The file's `user_version` is the number of the last one that ran."""


def connect(path: Path, busy_timeout_seconds: float) -> sqlite3.Connection:
    """Open a connection with explicit transactions, which waits for locks and for the disk.

    The path must be absolute, and the database must exist: see `ensure_exists`.

    Raises:
        LedgerUnavailableError: the file cannot be opened, or is of a newer schema.
    """
    with unavailable(f"cannot open the ledger {path}"):
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw",  # otherwise SQLite would create an empty file
            uri=True,
            timeout=busy_timeout_seconds,
            isolation_level=None,
            check_same_thread=False,  # opened here, used by the writer's thread
        )
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def ensure_exists(path: Path) -> None:
    """Create the database and its folder if they do not exist, readable only by the owner.

    The database is created under a temporary name and linked into place, so that no process sees an
    incomplete schema or the switch to WAL, for which SQLite does not wait. If two processes create
    it at once, the first link wins.

    Raises:
        LedgerUnavailableError: the file cannot be written.
    """
    if path.exists():
        return
    with unavailable(f"cannot create the ledger {path}"):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".ledger-", dir=path.parent) as folder:
            fresh = Path(folder, "ledger.db")
            fresh.touch(mode=0o600)
            _create(fresh)
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)


@contextlib.contextmanager
def unavailable(doing: str) -> Iterator[None]:
    """Turn errors of the disk and of SQLite into `LedgerUnavailableError`."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise LedgerUnavailableError(f"{doing}: {error}") from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Set the options of the connection, and check those of the file."""
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA synchronous = FULL")
    version = _version(connection)
    if not 1 <= version <= MIGRATIONS.newest:
        raise LedgerUnavailableError(
            f"{path} has schema version {version}, this program needs {MIGRATIONS.newest}"
        )
    if version < MIGRATIONS.newest:
        _migrate(connection)
    connection.execute("PRAGMA foreign_keys = ON")


def _create(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        _migrate(connection)


def _migrate(connection: sqlite3.Connection) -> None:
    """Run the scripts that the file lacks, all or none, unless another process has run them.

    Foreign keys are not enforced meanwhile, so that a script can replace a table.
    """
    connection.execute("BEGIN IMMEDIATE")
    for number, script in MIGRATIONS.missing(_version(connection)):
        for statement in _statements(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _statements(script: str) -> Iterator[str]:
    """Split a script, in which a trigger has semicolons of its own, at the ends of statements."""
    lines = ""
    for line in script.splitlines(keepends=True):
        lines += line
        if sqlite3.complete_statement(lines):
            yield lines
            lines = ""
