"""Credits that accounts get or lose without a request, and what they were charged."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from tintype_gateway.accounts import Account, Grant, Usage
from tintype_gateway.holds import Idempotency
from tintype_gateway.ledger.changes import UNNAMED, Author
from tintype_gateway.ledger.usage import TakeUsage, UsageQuery


class CreditOperations(Protocol):
    """A part of `Ledger`, which says what all operations have in common."""

    async def grant(
        self,
        name: str,
        micro: int,
        *,
        reason: str,
        idempotency: Idempotency | None = None,
        author: Author = UNNAMED,
    ) -> Account:
        """Add credits to an account, and record the reason.

        An idempotency key makes this happen once. Grants and adjustments share their keys, which
        never expire.

        Raises:
            IdempotencyMismatchError: the key belongs to another request.
            AccountNotFoundError: no account has this name.
        """

    async def adjust(
        self,
        name: str,
        micro: int,
        *,
        reason: str,
        idempotency: Idempotency | None = None,
        author: Author = UNNAMED,
    ) -> Account:
        """Add a positive or negative amount to a balance, even to below zero; record the reason.

        An idempotency key works as in `grant`.

        Raises:
            IdempotencyMismatchError: the key belongs to another request.
            AccountNotFoundError: no account has this name.
        """

    async def put_grant(
        self, reference: str, account: str, micro: int, reason: str, *, author: Author = UNNAMED
    ) -> tuple[Grant, bool]:
        """Add credits to an account once for good; return the grant, and whether it is new.

        A reference is never forgotten, and archive runs leave its posting. The reason may differ in
        a repeat: that of the first call stays.

        Raises:
            AccountNotFoundError: no account has this name. The reference stays free.
            GrantConflictError: the reference belongs to other credits, or to another account.
            ValueError: the reference is empty, too long or not printable.
        """

    async def granted(self, reference: str) -> Grant:
        """Read the grant of a reference.

        Raises:
            GrantNotFoundError: no grant has this reference.
        """

    async def usage(self, since: date, *, account: str | None = None) -> Sequence[Usage]:
        """Return the charges since a day (UTC) by account and model, of one account or of all."""

    async def report_usage(self, query: UsageQuery, take: TakeUsage) -> None:
        """Sum up charges by any dimensions, and give `take` the rows, some at a time.

        All rows are of one snapshot, in the order of their values.

        Raises:
            ReportEndedError: `take` has raised an error.
        """
