"""Operations on accounts."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from asyncpg import Connection, Record

from tintype_gateway.accounts import Account, Audit, Idempotency, Policy, Usage
from tintype_gateway.ledger.audit import CHECKS, COUNTS, sentences
from tintype_gateway.ledger.errors import (
    AccountExistsError,
    AccountLimitError,
    AccountNotFoundError,
    IdempotencyMismatchError,
)
from tintype_gateway.ledger.postgres.database import Database
from tintype_gateway.ledger.validation import (
    LIMIT,
    MISMATCH,
    OPENING_REASON,
    checked_adjustment,
    checked_amount,
    checked_name,
)


async def audit(connection: "Connection[Record]") -> Audit:
    """Run every check. The connection must be in a transaction, so that all see one snapshot."""
    problems: list[str] = []
    for check in CHECKS:
        found = await connection.fetch(check.query)
        problems += sentences(check, (map(_whole, row) for row in found))
    (counts,) = await connection.fetch(COUNTS)
    return Audit(**counts, problems=tuple(problems))


def _whole(value: object) -> object:
    """Return a sum, which the server returns as a decimal number, as an integer."""
    return int(value) if isinstance(value, Decimal) else value


OPEN = "SELECT * FROM ledger_open_account($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"

ENSURE = "SELECT * FROM ledger_ensure_account($1, $2, $3, $4, $5, $6, $7)"

FUND = "SELECT refusal, (funded).* FROM ledger_fund($1, $2, $3, $4, $5, $6, $7, $8)"

SET_POLICY = """
UPDATE account
SET models = $2, requests_per_minute = $3, images_per_minute = $4, response_profile = $5,
    calls_per_minute = $6
WHERE name = $1 RETURNING *
"""

USAGE = """
SELECT account, model, sum(requests)::bigint, sum(images)::bigint, sum(charged)::bigint
FROM daily_usage WHERE day >= $1 AND account = coalesce($2, account)
GROUP BY account, model ORDER BY account COLLATE "C", model COLLATE "C"
"""


async def create(
    database: Database,
    now: datetime | None,
    name: str,
    credits_micro: int,
    unlimited: bool,
    policy: Policy,
) -> Account:
    """Open an account, and grant its initial credits if there are any."""
    call = uuid.uuid4()
    (row,) = await database.fetch(
        OPEN,
        now,
        call,
        checked_name(name),
        checked_amount(credits_micro),
        OPENING_REASON,
        unlimited,
        *_columns(policy),
    )
    if row["opened_by"] != call:
        raise AccountExistsError(f"there is an account {name!r} already")
    return _account(row)


async def ensure(
    database: Database,
    now: datetime | None,
    name: str,
    issuer: str,
    max_accounts: int,
    credits_micro: int,
) -> Account:
    """Read an account, and open it if it does not exist."""
    rows = await database.fetch(
        ENSURE,
        now,
        uuid.uuid4(),
        checked_name(name),
        checked_amount(credits_micro),
        OPENING_REASON,
        issuer,
        max_accounts,
    )
    if not rows:
        raise AccountLimitError(LIMIT.format(max_accounts))
    return _account(rows[0])


async def read(database: Database, name: str) -> Account:
    """Read one account."""
    return _found(await database.fetch("SELECT * FROM account WHERE name = $1", name), name)


async def read_all(database: Database) -> Sequence[Account]:
    """Read all accounts, by name."""
    rows = await database.fetch('SELECT * FROM account ORDER BY name COLLATE "C"')
    return [_account(row) for row in rows]


async def set_policy(database: Database, name: str, policy: Policy) -> Account:
    """Replace the policy of an account."""
    return _found(await database.fetch(SET_POLICY, name, *_columns(policy)), name)


async def grant(
    database: Database,
    now: datetime | None,
    name: str,
    micro: int,
    reason: str,
    idempotency: Idempotency | None,
) -> Account:
    """Add credits to an account."""
    amount = checked_amount(micro)
    return await _fund(database, now, "grant", name, amount, reason, idempotency)


async def adjust(
    database: Database,
    now: datetime | None,
    name: str,
    micro: int,
    reason: str,
    idempotency: Idempotency | None,
) -> Account:
    """Correct the balance of an account."""
    amount = checked_adjustment(micro)
    return await _fund(database, now, "adjustment", name, amount, reason, idempotency)


async def usage(database: Database, since: date, account: str | None) -> Sequence[Usage]:
    """Return the summed charges of one account or all."""
    return [Usage(*row) for row in await database.fetch(USAGE, since, account)]


async def _fund(
    database: Database,
    now: datetime | None,
    kind: str,
    name: str,
    amount: int,
    reason: str,
    idempotency: Idempotency | None,
) -> Account:
    key = (idempotency.key, idempotency.request_digest) if idempotency else (None, None)
    (row,) = await database.fetch(FUND, now, uuid.uuid4(), kind, name, amount, reason, *key)
    if row["refusal"] == "mismatch":
        raise IdempotencyMismatchError(MISMATCH)
    return _found([] if row["refusal"] else [row], name)


def policy_of(row: Record) -> Policy:
    """Return the policy of an account from its row."""
    return Policy(
        models=None if row["models"] is None else frozenset(row["models"]),
        requests_per_minute=row["requests_per_minute"],
        images_per_minute=row["images_per_minute"],
        response_profile=row["response_profile"],
        calls_per_minute=row["calls_per_minute"],
    )


def _columns(policy: Policy) -> tuple[object, ...]:
    return (
        None if policy.models is None else sorted(policy.models),
        policy.requests_per_minute,
        policy.images_per_minute,
        policy.response_profile,
        policy.calls_per_minute,
    )


def _found(rows: Sequence[Record], name: str) -> Account:
    if not rows:
        raise AccountNotFoundError(f"there is no account {name!r}")
    return _account(rows[0])


def _account(row: Record) -> Account:
    return Account(
        name=row["name"],
        unlimited=row["unlimited"],
        balance=row["balance"],
        held=row["held"],
        policy=policy_of(row),
    )
