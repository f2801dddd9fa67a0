"""Open the SQLite file; create it when it is not there, and migrate it when it is old."""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.migrations import Migrations

MIGRATIONS = Migrations(Path(__file__).with_name("migrations"))
"""The file's `user_version` is the number of the last one that ran."""


def connect(path: Path, busy_timeout_seconds: float) -> sqlite3.Connection:
    """Open a connection that commits only when told to, and waits for locks and for the disk.

    The path must be absolute, and the database there: see `ensure_exists`.

    Raises:
        LedgerUnavailableError: the file cannot be opened, or is of a newer schema.
    """
    with unavailable(f"cannot open the ledger {path}"):
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw",  # without it, SQLite would make an empty file
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
    """Create the database, and the folder it is in, if it is not there; only its owner may read.

    It is built aside and linked into place. So no process ever sees half of a schema, and none
    meets the switch to WAL, for which SQLite does not wait. When two processes create it at once,
    the first link wins.

    Raises:
        LedgerUnavailableError: the disk does not allow it.
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
    """Turn what the disk and SQLite raise inside into `LedgerUnavailableError`."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise LedgerUnavailableError(f"{doing}: {error}") from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Set what SQLite keeps by connection, and check what it keeps in the file."""
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
    """Run the scripts that the file lacks, all or none, and none if another process has.

    References must not be enforced meanwhile, so that a table can take the place of another.
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
