"""Bring the ledger that a URL names to the schema of this program."""

from tintype_gateway.ledger.factory import POSTGRES_PREFIXES, open_ledger
from tintype_gateway.ledger.postgres.schema import migrate


async def migrate_ledger(url: str) -> None:
    """Migrate a database; any number of processes may do so at once.

    A SQLite file is also migrated whenever it is opened.

    Raises:
        ValueError: no engine serves this URL.
        LedgerUnavailableError: it cannot be used, or a newer program has migrated it.
    """
    if url.startswith(POSTGRES_PREFIXES):
        await migrate(url)
        return
    await open_ledger(url).close()
