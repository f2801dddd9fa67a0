"""Grants and adjustments: credits that accounts get or lose without a request."""

import uuid
from datetime import datetime

from asyncpg import Connection, Record

from tintype_gateway.accounts import Account, Grant
from tintype_gateway.holds import Idempotency
from tintype_gateway.ledger.changes import Author, funding_difference
from tintype_gateway.ledger.errors import (
    AccountNotFoundError,
    GrantConflictError,
    GrantNotFoundError,
    IdempotencyMismatchError,
)
from tintype_gateway.ledger.postgres import accounts, changes
from tintype_gateway.ledger.postgres.database import Database
from tintype_gateway.ledger.rows import account_of, grant_of
from tintype_gateway.ledger.validation import (
    MISMATCH,
    REFERENCE_TAKEN,
    checked_adjustment,
    checked_amount,
    checked_reference,
)

FUND = "SELECT refusal, (funded).* FROM ledger_fund($1, $2, $3, $4, $5, $6, $7, $8)"

# Requests with one reference wait for each other.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 4))"

POST = """
INSERT INTO posting (id, kind, reason, created_at, reference)
VALUES ($1, 'grant', $2, coalesce($3, clock_timestamp()), $4)
"""

ENTER = """
INSERT INTO entry (posting_id, account, amount)
VALUES ($1, 'sys:funding', -$3::bigint), ($1, $2, $3)
"""

READ = """
SELECT posting.id, reference, account, amount, reason, created_at
FROM posting JOIN entry ON entry.posting_id = posting.id AND account NOT LIKE 'sys:%'
WHERE reference = $1
"""


async def grant(
    database: Database,
    now: datetime | None,
    name: str,
    micro: int,
    reason: str,
    idempotency: Idempotency | None,
    author: Author,
) -> Account:
    """Add credits to an account."""
    amount = checked_amount(micro)
    return await _fund(database, now, "grant", name, amount, reason, idempotency, author)


async def adjust(
    database: Database,
    now: datetime | None,
    name: str,
    micro: int,
    reason: str,
    idempotency: Idempotency | None,
    author: Author,
) -> Account:
    """Correct the balance of an account."""
    amount = checked_adjustment(micro)
    return await _fund(database, now, "adjustment", name, amount, reason, idempotency, author)


async def _fund(
    database: Database,
    now: datetime | None,
    kind: str,
    name: str,
    amount: int,
    reason: str,
    idempotency: Idempotency | None,
    author: Author,
) -> Account:
    key = (idempotency.key, idempotency.request_digest) if idempotency else (None, None)
    call = uuid.uuid4()
    made = funding_difference(kind, str(call), name, amount, reason)

    async def work(connection: "Connection[Record]") -> Account:
        (row,) = await connection.fetch(FUND, now, call, kind, name, amount, reason, *key)
        if row["refusal"] == "mismatch":
            raise IdempotencyMismatchError(MISMATCH)
        if row["refusal"]:
            raise AccountNotFoundError(f"there is no account {name!r}")
        if await connection.fetch("SELECT FROM posting WHERE id = $1", call):
            await changes.record(connection, now, str(call), author, made)
        return account_of(row)

    return await database.transact(work)


async def put(
    database: Database,
    now: datetime | None,
    reference: str,
    account: str,
    micro: int,
    reason: str,
    author: Author,
) -> tuple[Grant, bool]:
    """Add credits to an account once for good; return the grant, and whether it is new."""
    checked_reference(reference)
    amount = checked_amount(micro)
    call = uuid.uuid4()
    made = funding_difference("grant", str(call), account, amount, reason, reference)

    async def work(connection: "Connection[Record]") -> tuple[Grant, bool]:
        await connection.execute(LOCK, reference)
        rows = await connection.fetch(READ, reference)
        if not rows:
            await accounts.require(connection, account)
            await connection.execute(POST, call, reason, now, reference)
            await connection.execute(ENTER, call, account, amount)
            await changes.record(connection, now, str(call), author, made)
            rows = await connection.fetch(READ, reference)
        known = grant_of(rows[0])
        if (known.account, known.micro) != (account, amount):
            raise GrantConflictError(REFERENCE_TAKEN.format(reference, known.micro, known.account))
        return known, known.posting == str(call)

    return await database.transact(work)


async def read(database: Database, reference: str) -> Grant:
    """Read the grant of a reference."""
    rows = await database.fetch(READ, reference)
    if not rows:
        raise GrantNotFoundError(f"there is no grant {reference!r}")
    return grant_of(rows[0])
