"""A database of either engine: read in one snapshot, or filled in one transaction."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from tintype_gateway.accounts import Audit
from tintype_gateway.ledger.backup.columns import ENTRY, LISTED, Column

ENTRIES = "entries"
LISTED_BY = "listed_by"
"""The fields that the row of a posting has beside its columns: the amounts by account, and the
unfinished archive run that has it in its list."""

RESTORED = "ledger restored"
"""Why the holds of jobs are released."""

POSTINGS = f"""
SELECT posting.*, {ENTRY}.account AS entry_account, {ENTRY}.amount AS entry_amount,
    {LISTED}.run_id AS {LISTED_BY}
FROM posting
LEFT JOIN {ENTRY} ON {ENTRY}.posting_id = posting.id
LEFT JOIN {LISTED} ON {LISTED}.posting_id = posting.id
ORDER BY posting.id
"""  # noqa: S608 - our own words


class Source(ABC):
    """A snapshot of a ledger, while gateways go on."""

    @abstractmethod
    async def tables(self) -> Mapping[str, Sequence[Column]]:
        """Return the columns of each table."""

    @abstractmethod
    def rows(self, statement: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """Yield the rows of a query, some at a time, as the engine stores them."""

    @abstractmethod
    def neutral(self, column: Column, value: Any) -> Any:
        """Return a value as a backup has it."""

    @abstractmethod
    async def figures(self) -> Mapping[str, int]:
        """Return the figures of the audit."""


class Target(ABC):
    """An empty ledger, in a transaction that ends with all rows or none.

    The triggers that keep balances and forbid changes are off meanwhile.
    """

    @abstractmethod
    async def tables(self) -> Mapping[str, Sequence[Column]]:
        """Return the columns of each table."""

    @abstractmethod
    async def is_empty(self, table: str) -> bool:
        """Return whether a table has no rows but those of the ledger's own accounts."""

    @abstractmethod
    async def insert(
        self, table: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert rows of a backup, with the columns in their order."""

    @abstractmethod
    async def insert_postings(
        self, columns: Sequence[Column], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert postings of a backup, whose last two fields are `entries` and `listed_by`."""

    @abstractmethod
    async def complete(self) -> None:
        """Bring up to date what follows from the rows, and turn the triggers on."""

    @abstractmethod
    async def end_jobs(self) -> int:
        """End all jobs that have not ended, with an unknown outcome; return their number."""

    @abstractmethod
    async def audit(self) -> Audit:
        """Audit what the transaction sees."""
