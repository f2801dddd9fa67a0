"""Open the SQLite file, and create it when it is not there."""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from tintype_gateway.ledger.errors import LedgerUnavailableError

SCHEMA_VERSION = 1
"""The `user_version` that schema.sql writes, and the only one this code can work with."""


def connect(path: Path, busy_timeout_seconds: float) -> sqlite3.Connection:
    """Open a connection that commits only when told to, waits for locks, and loses nothing.

    The path must be absolute, and the database there: see `ensure_exists`.

    Raises:
        LedgerUnavailableError: the file cannot be opened, or is of another schema version.
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
    connection.execute("PRAGMA foreign_keys = ON")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION:
        raise LedgerUnavailableError(
            f"{path} has schema version {version}, this program needs {SCHEMA_VERSION}"
        )


def _create(path: Path) -> None:
    schema = resources.files("tintype_gateway.ledger").joinpath("schema.sql").read_text()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN; {schema} COMMIT;")
