"""Grants and adjustments: credits that accounts get or lose without a request."""

import sqlite3

from tintype_gateway.accounts import Account, Grant
from tintype_gateway.holds import Idempotency
from tintype_gateway.ledger.changes import Author, funding_difference
from tintype_gateway.ledger.errors import GrantConflictError, GrantNotFoundError
from tintype_gateway.ledger.rows import grant_of
from tintype_gateway.ledger.sqlite import accounts, changes, entries
from tintype_gateway.ledger.validation import (
    REFERENCE_TAKEN,
    checked_adjustment,
    checked_amount,
    checked_reference,
)

READ = """
SELECT posting.id, reference, account, amount, reason, created_at
FROM posting JOIN entry ON entry.posting_id = posting.id AND account NOT LIKE 'sys:%'
WHERE reference = ?
"""


def grant(
    connection: sqlite3.Connection,
    now: float,
    name: str,
    micro: int,
    reason: str,
    idempotency: Idempotency | None,
    author: Author,
) -> Account:
    """Add credits to an account."""
    amount = checked_amount(micro)
    return _fund(connection, now, "grant", name, amount, reason, idempotency, author)


def adjust(
    connection: sqlite3.Connection,
    now: float,
    name: str,
    micro: int,
    reason: str,
    idempotency: Idempotency | None,
    author: Author,
) -> Account:
    """Correct the balance of an account."""
    amount = checked_adjustment(micro)
    return _fund(connection, now, "adjustment", name, amount, reason, idempotency, author)


def _fund(
    connection: sqlite3.Connection,
    now: float,
    kind: str,
    name: str,
    amount: int,
    reason: str,
    idempotency: Idempotency | None,
    author: Author,
) -> Account:
    accounts.read(connection, name)
    posting = entries.post_funds(connection, now, kind, name, amount, reason, idempotency)
    if posting is not None:
        made = funding_difference(kind, str(posting), name, amount, reason)
        changes.record(connection, now, author, made)
    return accounts.read(connection, name)


def put(
    connection: sqlite3.Connection,
    now: float,
    reference: str,
    account: str,
    micro: int,
    reason: str,
    author: Author,
) -> tuple[Grant, bool]:
    """Add credits to an account once for good; return the grant, and whether it is new."""
    checked_reference(reference)
    amount = checked_amount(micro)
    known = _find(connection, reference)
    if known is not None:
        if (known.account, known.micro) != (account, amount):
            raise GrantConflictError(REFERENCE_TAKEN.format(reference, known.micro, known.account))
        return known, False
    accounts.read(connection, account)
    posting = entries.post_funds(
        connection, now, "grant", account, amount, reason, reference=reference
    )
    made = funding_difference("grant", str(posting), account, amount, reason, reference)
    changes.record(connection, now, author, made)
    return read(connection, reference), True


def read(connection: sqlite3.Connection, reference: str) -> Grant:
    """Read the grant of a reference."""
    found = _find(connection, reference)
    if found is None:
        raise GrantNotFoundError(f"there is no grant {reference!r}")
    return found


def _find(connection: sqlite3.Connection, reference: str) -> Grant | None:
    row = connection.execute(READ, (reference,)).fetchone()
    return None if row is None else grant_of(row)
