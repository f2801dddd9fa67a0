"""Operations on accounts."""

import contextlib
import uuid
from collections.abc import Sequence
from datetime import datetime

from asyncpg import Connection, Record

from tintype_gateway.accounts import Account, AccountSpec, Budget, Policy
from tintype_gateway.ledger.changes import Author, account_difference, funding_difference
from tintype_gateway.ledger.errors import (
    AccountExistsError,
    AccountLimitError,
    AccountNotFoundError,
    AccountOwnedError,
)
from tintype_gateway.ledger.postgres import changes
from tintype_gateway.ledger.postgres.budgets import stored_budgets, windows_of
from tintype_gateway.ledger.postgres.database import Database
from tintype_gateway.ledger.rows import account_of
from tintype_gateway.ledger.validation import (
    LIMIT,
    OPENING_REASON,
    OWNED,
    checked_amount,
    checked_name,
)

OPEN = """
SELECT * FROM ledger_open_account($1, $2, $3, $4, $5, $6, NULL, NULL, NULL, NULL, NULL)
"""

ENSURE = "SELECT * FROM ledger_ensure_account($1, $2, $3, $4, $5, $6, $7)"

READ = "SELECT * FROM account WHERE name = $1"

WITH_WINDOWS = "SELECT *, ledger_current($1, account) AS windows FROM account WHERE name = $2"

LOCK = "SELECT * FROM account WHERE name = $1 FOR NO KEY UPDATE"

SET_POLICY = """
UPDATE account
SET models = $2, requests_per_minute = $3, images_per_minute = $4, response_profile = $5,
    calls_per_minute = $6, queued_jobs = $7, running_jobs = $8, webhooks = $9,
    guardrail_exempt = $10
WHERE name = $1 RETURNING *
"""

SET_BUDGETS = """
SELECT *, ledger_current($1, changed) AS windows
FROM ledger_set_budgets($2, $3, $4) AS changed
"""

INSERTED = "INSERT 0 1"
"""The response to an INSERT of a row that was not there."""

INSERT = """
INSERT INTO account (name, opened_by, unlimited, created_at)
VALUES ($1, $2, false, coalesce($3, clock_timestamp())) ON CONFLICT DO NOTHING
"""

PUT = """
UPDATE account
SET owner = $2, display_name = $3, suspended = $4, unlimited = $5, deletion_policy = $6
WHERE name = $1
"""

RELEASE = """
UPDATE account SET owner = NULL, suspended = suspended OR deletion_policy = 'suspend'
WHERE name = $1 RETURNING *
"""

OF_OWNER = """
SELECT *, ledger_current($1, account) AS windows FROM account
WHERE $2::text IS NULL OR starts_with(owner, $2) ORDER BY name COLLATE "C"
"""


async def create(
    database: Database,
    now: datetime | None,
    name: str,
    credits_micro: int,
    unlimited: bool,
    policy: Policy,
    author: Author,
) -> Account:
    """Open an account, and grant its initial credits if there are any."""
    call = uuid.uuid4()
    arguments = (checked_name(name), checked_amount(credits_micro), OPENING_REASON, unlimited)

    async def work(connection: "Connection[Record]") -> Account:
        (row,) = await connection.fetch(OPEN, now, call, *arguments)
        if row["opened_by"] != call:
            raise AccountExistsError(f"there is an account {name!r} already")
        (row,) = await connection.fetch(SET_POLICY, name, *_columns(policy))
        return await _opened(connection, now, call, row, credits_micro, author)

    return await database.transact(work)


async def ensure(
    database: Database,
    now: datetime | None,
    name: str,
    issuer: str,
    max_accounts: int,
    credits_micro: int,
    author: Author,
) -> Account:
    """Read an account, and open it if it does not exist."""
    with contextlib.suppress(AccountNotFoundError):
        return await read(database, checked_name(name))
    call = uuid.uuid4()
    arguments = (name, checked_amount(credits_micro), OPENING_REASON, issuer, max_accounts)

    async def work(connection: "Connection[Record]") -> Account:
        rows = await connection.fetch(ENSURE, now, call, *arguments)
        if not rows:
            raise AccountLimitError(LIMIT.format(max_accounts))
        if rows[0]["opened_by"] != call:
            return account_of(rows[0])
        return await _opened(connection, now, call, rows[0], credits_micro, author)

    return await database.transact(work)


async def _opened(
    connection: "Connection[Record]",
    now: datetime | None,
    call: uuid.UUID,
    row: Record,
    credits_micro: int,
    author: Author,
) -> Account:
    """Record an account that a call has opened, and its initial credits."""
    account = account_of(row)
    created = account_difference("create", None, account)
    credits = (
        funding_difference("grant", str(call), account.name, credits_micro, OPENING_REASON)
        if credits_micro
        else None
    )
    await changes.record(connection, now, str(call), author, created, credits)
    return account


async def put(
    database: Database,
    now: datetime | None,
    name: str,
    spec: AccountSpec,
    owner: str | None,
    author: Author,
) -> tuple[Account, bool]:
    """Create an account or replace its spec; return it, and whether it is new."""
    call = uuid.uuid4()
    checked_name(name)
    budgets = stored_budgets(spec.time_zone, spec.budgets)

    async def work(connection: "Connection[Record]") -> tuple[Account, bool]:
        inserted = await connection.execute(INSERT, name, call, now) == INSERTED
        (row,) = await connection.fetch(LOCK, name)
        before = None if inserted else account_of(row)
        if before is not None and before.owner not in (None, owner):
            raise AccountOwnedError(OWNED.format(name, before.owner))
        await _write(connection, name, spec, owner)
        after = _found(await connection.fetch(SET_BUDGETS, now, name, *budgets), name)
        action = "create" if inserted else "update"
        made = account_difference(action, before, after)
        await changes.record(connection, now, str(call), author, made)
        return after, row["opened_by"] == call

    return await database.transact(work)


async def _write(
    connection: "Connection[Record]", name: str, spec: AccountSpec, owner: str | None
) -> None:
    """Replace the owner and the spec of an account, but for its budgets."""
    own = (spec.display_name, spec.suspended, spec.unlimited, spec.deletion_policy)
    await connection.execute(PUT, name, owner, *own)
    await connection.execute(SET_POLICY, name, *_columns(spec.policy))


async def release(
    database: Database, now: datetime | None, name: str, owner: str, author: Author
) -> Account:
    """Let the owner give up an account, which does what its deletion policy says."""
    call = str(uuid.uuid4())

    async def work(connection: "Connection[Record]") -> Account:
        before = _found(await connection.fetch(LOCK, name), name)
        if before.owner is None:
            return before
        if before.owner != owner:
            raise AccountOwnedError(OWNED.format(name, before.owner))
        after = _found(await connection.fetch(RELEASE, name), name)
        released = account_difference("release", before, after)
        await changes.record(connection, now, call, author, released)
        return after

    return await database.transact(work)


async def read(database: Database, name: str) -> Account:
    """Read one account."""
    return _found(await database.fetch(READ, name), name)


async def with_windows(database: Database, now: datetime | None, name: str) -> Account:
    """Read one account with the windows of its budgets."""
    return _found(await database.fetch(WITH_WINDOWS, now, name), name)


async def find(connection: "Connection[Record]", name: str) -> Account:
    """Read one account in a transaction. No account is ever deleted."""
    return _found(await connection.fetch(READ, name), name)


async def require(connection: "Connection[Record]", name: str) -> Account:
    """Read one account in a transaction, for which it stays as it is."""
    return _found(await connection.fetch(LOCK, name), name)


async def read_all(
    database: Database, now: datetime | None, owner: str | None
) -> Sequence[Account]:
    """Read all accounts, by name, or those of owners with a prefix.

    They have the windows of their budgets.
    """
    rows = await database.fetch(OF_OWNER, now, owner)
    return [account_of(row, windows_of(row)) for row in rows]


async def set_policy(
    database: Database, now: datetime | None, name: str, policy: Policy, author: Author
) -> Account:
    """Replace the policy of an account."""
    call = str(uuid.uuid4())

    async def work(connection: "Connection[Record]") -> Account:
        before = await require(connection, name)
        after = _found(await connection.fetch(SET_POLICY, name, *_columns(policy)), name)
        made = account_difference("update", before, after)
        await changes.record(connection, now, call, author, made)
        return after

    return await database.transact(work)


async def set_budgets(
    database: Database,
    now: datetime | None,
    name: str,
    time_zone: str,
    budgets: Sequence[Budget],
    author: Author,
) -> Account:
    """Replace the time zone and the budgets of an account."""
    call, stored = str(uuid.uuid4()), stored_budgets(time_zone, budgets)

    async def work(connection: "Connection[Record]") -> Account:
        before = await require(connection, name)
        after = _found(await connection.fetch(SET_BUDGETS, now, name, *stored), name)
        made = account_difference("update", before, after)
        await changes.record(connection, now, call, author, made)
        return after

    return await database.transact(work)


def _columns(policy: Policy) -> tuple[object, ...]:
    return (
        None if policy.models is None else sorted(policy.models),
        policy.requests_per_minute,
        policy.images_per_minute,
        policy.response_profile,
        policy.calls_per_minute,
        policy.queued_jobs,
        policy.running_jobs,
        policy.webhooks,
        policy.guardrail_exempt,
    )


def _found(rows: Sequence[Record], name: str) -> Account:
    if not rows:
        raise AccountNotFoundError(f"there is no account {name!r}")
    return account_of(rows[0], windows_of(rows[0]))
