"""Checks and migrates the schema of a database.

The table `ledger_revision` has one row with the number of the last migration. Earlier releases,
which used Alembic, have the same table, so that this program can use their databases.
"""

import asyncio
import time
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
"""The time limit for all locks, and for each statement of a migration."""

FIRST_LOCK_SECONDS, LONGEST_LOCK_SECONDS = 0.1, 2.0
"""How long one attempt waits for a table, and requests behind it: twice as long each time. The
longest is above PostgreSQL's `deadlock_timeout`, after which it ends an autovacuum in the way."""

TABLES = """
SELECT string_agg(quote_ident(relname), ', ' ORDER BY relname) FROM pg_class
WHERE relname = ANY ($1) AND relkind = 'r' AND pg_table_is_visible(oid)
"""

IN_USE = (
    f"other programs used its tables for {WAIT_SECONDS} seconds, perhaps a backup or an audit;"
    " nothing was changed"
)

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
    """Migrate as soon as no other transaction is in the way, and let requests go on until then."""
    deadline = time.monotonic() + WAIT_SECONDS
    seconds = FIRST_LOCK_SECONDS
    while True:
        try:
            async with connection.transaction(isolation="read_committed"):
                await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
                await _lock_tables(connection, seconds)
                await _run_missing(connection)
                return
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            if time.monotonic() > deadline:
                raise LedgerUnavailableError(f"cannot migrate the ledger: {IN_USE}") from error
        await asyncio.sleep(seconds)
        seconds = min(2 * seconds, LONGEST_LOCK_SECONDS)


async def _lock_tables(connection: "Connection[Record]", seconds: float) -> None:
    """Lock all tables before the first one is changed, or none if that takes longer.

    A migration that took each lock when it needs it would keep requests waiting for the first
    tables as long as a backup reads one of the last, and would deadlock with gateways.
    """
    if not 0 < await _version(connection) < MIGRATIONS.newest:
        return
    tables = await connection.fetchval(TABLES, sorted(MIGRATIONS.tables()))
    await connection.execute(f"SET LOCAL lock_timeout = {round(seconds * 1000)}")
    await connection.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")


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
