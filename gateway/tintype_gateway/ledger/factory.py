"""Opens and migrates the ledger at a URL. The driver of a database is loaded with its ledger."""

import time
from collections.abc import Callable
from pathlib import Path

from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.ledger.sqlite.engine import SqliteLedger

SQLITE_PREFIX = "sqlite:///"
POSTGRES_PREFIXES = ("postgresql://", "postgres://")


def open_ledger(
    url: str, *, clock: Callable[[], float] | None = None, busy_timeout_seconds: float = 5.0
) -> Ledger:
    """Open the ledger at `url`.

    `sqlite:///credits.db` is a relative path, `sqlite:////var/lib/credits.db` an absolute one; the
    file is created if it does not exist, and migrated if it is old. `postgresql://...` is a URL of
    libpq; the ledger connects on first use, and the database must have been migrated before:
    :meth:`Ledger.check` verifies this.

    `clock` returns Unix seconds, by default of this host, or of the PostgreSQL server.
    `busy_timeout_seconds` bounds the wait for other processes that use the same file, or for the
    server. This function reads the disk: call it before serving.

    Raises:
        ValueError: no engine supports this URL.
        LedgerUnavailableError: the file cannot be opened, or is of a newer schema.
    """
    if is_postgres(url):
        from tintype_gateway.ledger.postgres.engine import PostgresLedger

        return PostgresLedger(url, clock, busy_timeout_seconds)
    return SqliteLedger(path_of(url), clock or time.time, busy_timeout_seconds)


def is_postgres(url: str) -> bool:
    """Return whether a URL is one of PostgreSQL."""
    return url.startswith(POSTGRES_PREFIXES)


def path_of(url: str) -> Path:
    """Return the absolute path of the SQLite file of a URL.

    Raises:
        ValueError: no engine supports this URL.
    """
    path = url.removeprefix(SQLITE_PREFIX)
    if path == url or not path:
        # The message does not quote the URL: any part of it may be a part of a password.
        raise ValueError(
            f"there is no ledger at the URL of the database: use {SQLITE_PREFIX}PATH"
            f" or {POSTGRES_PREFIXES[0]}USER:PASSWORD@HOST/DATABASE"
        )
    return Path(path).absolute()


async def migrate_ledger(url: str) -> None:
    """Migrate a database; any number of processes may do so at once.

    A SQLite file is also migrated whenever it is opened.

    Raises:
        ValueError: no engine supports this URL.
        LedgerUnavailableError: the database cannot be used, or a newer program has migrated it.
    """
    if is_postgres(url):
        from tintype_gateway.ledger.postgres.schema import migrate

        await migrate(url)
        return
    await open_ledger(url).close()
