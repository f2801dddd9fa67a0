"""Brings a database to the schema of this program."""

from functools import partial
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tintype_gateway.ledger.errors import LedgerUnavailableError

LOCK = 7_235_418_260_031_447
"""The advisory lock that lets one process migrate at a time; any number that others do not use."""

CONNECT_SECONDS = 10
WAIT_SECONDS = 300
"""How long another process may take to migrate, and how long each statement may."""


async def migrate(url: str) -> None:
    """Run the migrations that a database lacks, all or none.

    When several processes do so at once, one does the work, and the others wait for it.

    Raises:
        LedgerUnavailableError: it cannot be used, or a newer program has migrated it.
    """
    settings = {"statement_timeout": str(WAIT_SECONDS * 1000)}
    connect = partial(asyncpg.connect, url, timeout=CONNECT_SECONDS, server_settings=settings)
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            await connection.run_sync(_upgrade)
    except CommandError as error:  # the revision that it finds is none of ours
        raise LedgerUnavailableError(f"a newer program has migrated the ledger: {error}") from error
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        why = str(error).partition("\n")[0]  # then comes all of the script
        raise LedgerUnavailableError(f"cannot migrate the ledger: {why}") from error
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
