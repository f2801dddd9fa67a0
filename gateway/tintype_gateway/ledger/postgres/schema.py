"""Checks and migrates the schema of a database.

The table `ledger_revision` has one row with the number of the last migration. Earlier releases,
which used Alembic, have the same table, so that this program can use their databases.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.migrations import Migrations
from tintype_gateway.ledger.postgres.connecting import check_url, connect, without_credentials

if TYPE_CHECKING:
    from asyncpg import Connection, Record

MIGRATIONS = Migrations(Path(__file__).with_name("migrations"))

VERSION_TABLE = """
CREATE TABLE IF NOT EXISTS ledger_revision (
    version_num varchar(32) CONSTRAINT ledger_revision_pkc PRIMARY KEY
)
"""

VERSION = "SELECT version_num FROM ledger_revision"

SET_VERSION = """
WITH gone AS (DELETE FROM ledger_revision) INSERT INTO ledger_revision VALUES ($1)
"""

LOCK = 7_235_418_260_031_447
"""The advisory lock under which one process migrates at a time; an arbitrary number."""

CONNECT_SECONDS = 10
WAIT_SECONDS = 300
"""The time limit for the lock, and for each statement of a migration."""

ATTEMPTS = 10
"""How often a migration begins again after a deadlock with gateways that take other locks first."""

HINT = "run `tintype ledger migrate`"


async def require(connection: "Connection[Record]") -> None:
    """Check that a database has the schema of this program.

    Raises:
        LedgerUnavailableError: the database has another schema, or none.
    """
    found, needed = await _version(connection), MIGRATIONS.newest
    if found == 0:
        raise LedgerUnavailableError(f"the database holds no ledger yet: {HINT}")
    if found < needed:
        raise LedgerUnavailableError(
            f"the ledger has schema {found}, this program needs {needed}: {HINT}"
        )
    if found > needed:
        raise LedgerUnavailableError(
            f"the ledger has schema {found}, this program only knows {needed}: it is too old"
        )


async def migrate(url: str) -> None:
    """Run the migrations that a database lacks, all or none.

    If several processes migrate at once, one runs the scripts, and the others wait.

    Raises:
        ValueError: the URL is malformed.
        LedgerUnavailableError: the database cannot be used, or a newer program has migrated it.
    """
    check_url(url)
    settings = {"statement_timeout": str(WAIT_SECONDS * 1000)}
    try:
        connection = await connect(url, timeout=CONNECT_SECONDS, server_settings=settings)
        try:
            await _migrate(connection)
        finally:
            connection.terminate()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        why = without_credentials(str(error), url)
        raise LedgerUnavailableError(f"cannot migrate the ledger: {why}") from error


async def _migrate(connection: "Connection[Record]") -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with connection.transaction(isolation="read_committed"):
                await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
                await _run_missing(connection)
        except asyncpg.DeadlockDetectedError:
            if attempt == ATTEMPTS:
                raise
        else:
            return


async def _run_missing(connection: "Connection[Record]") -> None:
    for number, script in MIGRATIONS.missing(await _version(connection)):
        await connection.execute(script)
        await connection.execute(VERSION_TABLE)
        await connection.execute(SET_VERSION, f"{number:04}")


async def _version(connection: "Connection[Record]") -> int:
    """Return the number of the last migration of a database; 0 if it has no ledger."""
    if await connection.fetchval("SELECT to_regclass('ledger_revision')") is None:
        return 0
    return int(await connection.fetchval(VERSION) or 0)
