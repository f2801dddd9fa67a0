"""Which schema a database has, and which one this program needs."""

from typing import TYPE_CHECKING

from tintype_gateway.ledger.errors import LedgerUnavailableError

if TYPE_CHECKING:
    from asyncpg import Connection, Record

REVISION = "0001"
"""The newest of the migrations."""

REVISION_TABLE = "ledger_revision"
"""Where Alembic keeps the revision of a database."""

HINT = "run `tintype ledger migrate`"


async def require(connection: "Connection[Record]") -> None:
    """Make sure that a database has the schema of this program.

    Raises:
        LedgerUnavailableError: it has another one, or none.
    """
    found = await read(connection)
    if found is None:
        raise LedgerUnavailableError(f"the database holds no ledger yet: {HINT}")
    if found < REVISION:
        raise LedgerUnavailableError(
            f"the ledger has schema {found}, this program needs {REVISION}: {HINT}"
        )
    if found > REVISION:
        raise LedgerUnavailableError(
            f"the ledger has schema {found}, this program only knows {REVISION}: it is too old"
        )


async def read(connection: "Connection[Record]") -> str | None:
    """Return the revision of a database; None: it holds no ledger."""
    if await connection.fetchval("SELECT to_regclass($1)::text", REVISION_TABLE) is None:
        return None
    found: str | None = await connection.fetchval(
        f"SELECT version_num FROM {REVISION_TABLE}"  # noqa: S608 - our own name
    )
    return found
